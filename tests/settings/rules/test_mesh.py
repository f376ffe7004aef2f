"""PAR111 to PAR115: the mesh: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border(
        "PAR111",
        "tp only",
        {"fsdp": "full_shard", "parallelism_config": {"tp_size": 2}},
        {"fsdp": "full_shard", "parallelism_config": {"tp_size": 2, "dp_shard_size": 2}},
    ),
    Border(
        "PAR111",
        "no_shard",
        {"fsdp": True, "parallelism_config": {"tp_size": 2}},
        {"fsdp": "no_shard", "parallelism_config": {"tp_size": 2}},
    ),
    Border(
        "PAR112",
        "no replicas",
        {"fsdp": "hybrid_shard", "parallelism_config": {"dp_shard_size": 2}},
        {"fsdp": "hybrid_shard", "parallelism_config": {"dp_shard_size": 2, "dp_replicate_size": 2}},
    ),
    Border(
        "PAR112",
        "no mesh",
        {"fsdp": "hybrid_shard_zero2", "parallelism_config": {"dp_shard_size": 2}},
        {"fsdp": "hybrid_shard_zero2"},
    ),
    Border(
        "PAR113",
        "tp",
        {"deepspeed": {"steps_per_print": 1}, "parallelism_config": {"tp_size": 2}},
        {"deepspeed": {"steps_per_print": 1}, "parallelism_config": {"tp_size": 1}},
    ),
    Border(
        "PAR113",
        "pp",
        {"deepspeed": {"steps_per_print": 1}, "parallelism_config": {"pp_size": 2}},
        {"parallelism_config": {"pp_size": 2}},
    ),
    Border(
        "PAR114",
        "sp",
        {"parallelism_config": {"sp_size": 2, "sp_backend": "deepspeed"}},
        {"parallelism_config": {"sp_size": 2, "sp_backend": "torch"}},
    ),
    Border(
        "PAR115",
        "both",
        {"parallelism_config": {"sp_size": 2, "cp_size": 2}},
        {"parallelism_config": {"cp_size": 2}},
    ),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
