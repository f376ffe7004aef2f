"""What one process meets alone ends the run of all of them at the same update, under every strategy."""

from pathlib import Path
from typing import Any

import pytest
from tests.training.parallel.matrix import meeting
from tests.training.parallel.matrix.overflowing import WINDOW, Case
from tests.training.parallel.world import run_in

HALF = WINDOW // 2
TWO: list[Case] = [
    (HALF, {"fsdp": "full_shard"}),
    (WINDOW, {"parallelism_config": {"sp_size": 2}}),
    (WINDOW, {"parallelism_config": {"ep_size": 2}}),
    (WINDOW, {"parallelism_config": {"tp_size": 2}}),
]
FOUR: list[Case] = [
    (WINDOW // 4, {"fsdp": "hybrid_shard", "parallelism_config": {"dp_replicate_size": 2, "dp_shard_size": 2}}),
    (HALF, {"parallelism_config": {"ep_size": 2, "dp_shard_size": 2}}),
    (HALF, {"parallelism_config": {"tp_size": 2, "dp_replicate_size": 2}}),
    (WINDOW, {"parallelism_config": {"sp_size": 2, "ep_size": 2}}),
]
ENGINES: list[Case] = [(HALF, {"deepspeed": {"zero_optimization": {"stage": stage}}}) for stage in (0, 2, 3)]


@pytest.mark.parametrize("what", ["spoil", pytest.param("stop", marks=pytest.mark.long_distributed)])
@pytest.mark.parametrize(
    "world, cases",
    [
        pytest.param(2, TWO, id="two"),
        pytest.param(4, FOUR, id="four", marks=pytest.mark.long_distributed),
        pytest.param(2, ENGINES, id="engines", marks=pytest.mark.long_distributed),
    ],
)
def test_all_end_together(world: int, cases: list[Case], what: str, tmp_path: Path) -> None:
    start: Any = run_in
    if cases is ENGINES:
        pytest.importorskip("deepspeed")
        from tests.training.parallel.deepspeed_engine.server import run as start
    every = start(world, meeting.several, cases, what, str(tmp_path))
    for place, (_, changes) in enumerate(cases):
        for rank in every:
            updates, said = rank[place]
            assert updates == (meeting.SPOILT if what == "spoil" else meeting.STOPPED), changes
            assert (f"step {meeting.SPOILT}" in said) == (what == "spoil"), changes
