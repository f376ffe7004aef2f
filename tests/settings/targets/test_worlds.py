"""Declared numbers of processes and nodes: each rule on both sides of its border, and the same rules for a real job."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from trainspec import OptimizerNames, TrainingArguments, validate
from trainspec.settings.targets.machines import check_target, judge_world, parse_target
from trainspec.settings.targets.worlds import SHARDABLE, STEPS_ON_PARTS, WORLD_RULES

Side = tuple[dict[str, Any], str | None, int | None, int | None]
HYBRID = {"fsdp": "hybrid_shard"}
TENSOR = {"parallelism_config": {"tp_size": 4, "dp_shard_size": 2}}
REPLICAS = {"fsdp": "hybrid_shard", "parallelism_config": {"dp_replicate_size": 3, "dp_shard_size": 4}}
HPZ = {"deepspeed": {"zero_optimization": {"stage": 3, "zero_hpz_partition_size": 4}}}
AUTOTP = {"deepspeed": {"tensor_parallel": {"autotp_size": 4}}}


def optimizer(name: str = "lion_32bit", **more: Any) -> dict[str, Any]:
    return {"optim": name, **more}


# code: (settings, target, world size, nodes) on the wrong side, then on the right side.
BORDERS: list[tuple[str, Side, Side]] = [
    (
        "PAR120",
        (optimizer(fsdp="full_shard"), None, 2, None),
        (optimizer(fsdp="full_shard"), None, 1, None),
    ),
    (
        "PAR120",
        (optimizer("adafactor", fsdp="full_shard"), None, 2, None),
        (optimizer("adafactor", fsdp="no_shard"), None, 2, None),
    ),
    ("PAR120", (optimizer(fsdp="no_shard"), None, 2, None), (optimizer(), None, 2, None)),
    (
        "PAR120",
        (optimizer(fsdp="no_shard"), None, 2, None),
        (optimizer(fsdp="no_shard", parallelism_config={"dp_replicate_size": 2}), None, 2, None),
    ),
    (
        "PAR120",
        (optimizer(parallelism_config={"tp_size": 2}), None, 2, None),
        (optimizer(parallelism_config={"dp_replicate_size": 2}), None, 2, None),
    ),
    (
        "PAR120",
        (optimizer("adafactor", parallelism_config={"tp_size": 2, "dp_shard_size": 2}), None, 4, None),
        (optimizer("adafactor", parallelism_config={"tp_size": 2, "dp_replicate_size": 2}), None, 4, None),
    ),
    (
        "PAR120",
        (optimizer("adafactor", fsdp="full_shard"), None, 2, None),
        (optimizer("adafactor", deepspeed={"zero_optimization": {"stage": 0}}), None, 2, None),
    ),
    ("PAR121", (HYBRID, None, 10, 3), (HYBRID, None, 12, 3)),
    ("PAR121", (HYBRID, None, 4, 4), (HYBRID, None, 8, 4)),
    ("PAR121", (HYBRID, None, 4, 4), (HYBRID, None, 4, None)),
    ("PAR122", (HPZ, None, 6, None), (HPZ, None, 8, None)),
    ("PAR122", (HPZ, None, 6, None), (HPZ, None, 3, None)),
    ("PAR123", (AUTOTP, None, 6, None), (AUTOTP, None, 8, None)),
    ("PAR124", ({}, "h100x8", 16, 1), ({}, "h100x8", 16, 2)),
    ("PAR124", ({}, "h100x8", 16, 1), ({}, "cpux8", 16, 1)),
    ("TGT405", (HYBRID, "h100x8", None, None), (HYBRID, "h100x8", None, 2)),
    ("TGT405", (HYBRID, None, 8, 1), (HYBRID, None, 8, None)),
    ("TGT406", (TENSOR, None, 8, 4), (TENSOR, None, 8, 2)),
    ("TGT406", (REPLICAS, None, 12, 2), (REPLICAS, None, 12, 3)),
]


def codes(side: Side) -> list[str]:
    settings, target, world, nodes = side
    return [item.code for item in validate(settings, target=target, world_size=world, nodes=nodes).diagnostics]


@pytest.mark.parametrize(("code", "wrong", "right"), BORDERS)
def test_border(code: str, wrong: Side, right: Side) -> None:
    assert code in codes(wrong)
    assert code not in codes(right)


def test_every_rule_has_a_row() -> None:
    assert {code for code, _, _ in BORDERS} == {rule.code for rule in WORLD_RULES}


@pytest.mark.filterwarnings("ignore:.*DSP401:trainspec.settings.diagnostics.SettingsWarning")
@pytest.mark.parametrize(("code", "wrong", "right"), [row for row in BORDERS if row[1][1] is None])
def test_a_job_that_is_there_is_judged_by_the_same_rules(code: str, wrong: Side, right: Side) -> None:
    for side in (wrong, right):
        said, _, world, nodes = side
        assert world is not None
        if nodes is not None and world % nodes:
            # Nodes of different sizes: no local size tells how many there are.
            continue
        args = TrainingArguments.from_dict(said)
        found = [item.code for item in judge_world(args, world, world // nodes if nodes else None)]
        assert found == ([code for code in codes(side) if code != "DSP401"] if world > 1 else [])


def test_a_node_that_is_no_part_of_the_world_gives_hybrid_sharding_no_shape() -> None:
    args = TrainingArguments.from_dict(HYBRID)
    (found,) = judge_world(args, 4, 3)
    assert found.code == "PAR121" and found.message.endswith("4 processes are no whole number of nodes with 3 each")
    assert judge_world(args, 6, 3) == judge_world(args, 4) == judge_world(TrainingArguments(), 4, 3) == []


def test_a_script_may_bring_an_optimizer_of_its_own() -> None:
    args = TrainingArguments.from_dict({**optimizer(fsdp="full_shard"), "parallelism_config": {"dp_shard_size": 3}})
    assert [item.code for item in judge_world(args, 2)] == ["TGT108", "PAR120"]
    assert [item.code for item in judge_world(args, 2, own_optimizer=True)] == ["TGT108"]


def test_what_fsdp_can_step_a_mesh_can() -> None:
    assert {name.value for name in set(OptimizerNames) - SHARDABLE} >= {"adafactor", "muon", "galore_adamw", "lomo"}
    assert OptimizerNames.MUON in STEPS_ON_PARTS
    assert SHARDABLE < STEPS_ON_PARTS < frozenset(OptimizerNames)


def test_without_a_world_nothing_is_said() -> None:
    for _, wrong, _ in BORDERS:
        assert not {item.code for item in validate(wrong[0]).diagnostics} - {"DSP401"}


@pytest.mark.fully_installed
def test_a_mesh_that_does_not_fit_is_one_finding_without_torch() -> None:
    script = """
import sys
from trainspec import validate
verdict = validate({"parallelism_config": {"tp_size": 4}}, world_size=6)
print([item.code for item in verdict.diagnostics], verdict.diagnostics[0].message, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    message = "the sizes of parallelism_config multiply to 4, but there are 6 processes"
    assert done.stdout.strip() == f"['TGT108'] {message} False"


def test_what_would_fit_is_told() -> None:
    (item,) = validate({"parallelism_config": {"tp_size": 4}}, world_size=24).diagnostics
    assert item.message.endswith("6 times as large a dp_replicate_size or dp_shard_size would use them all")


def test_nodes_of_a_target_are_counted_from_its_devices() -> None:
    args = TrainingArguments.from_dict({"local_rank": 8})
    (item,) = check_target(args, parse_target("h100x8"), None, 4)
    assert item.message == "local_rank 8 is none of the ranks 0 to 7"
    assert validate({"parallelism_config": {"dp_shard_size": 32}}, target="h100x8", nodes=4).ok
