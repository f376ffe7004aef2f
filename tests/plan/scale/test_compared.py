"""Promise: DDP and the stages of ZeRO side by side, each as it is planned when it is the one that settings say."""

from __future__ import annotations

from typing import Any

import pytest

from trainspec import TrainingArguments
from trainspec.plan.run import plan_batches
from trainspec.plan.scale.model import of_number
from trainspec.plan.scale.plan import ScalePlan, Way, compared, plan_scale

SIZE = 7_000_000_000


def planned(world: int = 8, room: int | None = None, **said: Any) -> tuple[TrainingArguments, ScalePlan]:
    args = TrainingArguments(bf16=True, **said)
    batches = plan_batches(args, 10_000, world)
    return args, plan_scale(args, batches, world_size=world, model=of_number(SIZE), device_memory=room)


def ways(**said: Any) -> dict[str, Way]:
    return {way.name: way for way in compared(*planned(**said))}


# What settings say -> the way that is theirs.
CHOSEN: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "DDP"),
    "sharded": ({"fsdp": "full_shard"}, "ZeRO-3"),
    "gradients": ({"fsdp": "shard_grad_op"}, "ZeRO-2"),
    "DeepSpeed": ({"deepspeed": {"zero_optimization": {"stage": 1}}}, "ZeRO-1"),
    "DeepSpeed, all": ({"deepspeed": {"zero_optimization": {"stage": 3}}}, "ZeRO-3"),
}


@pytest.mark.parametrize(("said", "name"), CHOSEN.values(), ids=CHOSEN)
def test_the_chosen_way_is_the_plan_itself(said: dict[str, Any], name: str) -> None:
    args, plan = planned(**said)
    found = compared(args, plan)
    assert [way.name for way in found] == ["DDP", "ZeRO-1", "ZeRO-2", "ZeRO-3"]
    (chosen,) = [way for way in found if way.chosen]
    assert (chosen.name, chosen.memory, chosen.sent) == (name, plan.memory, plan.sent)


def test_each_way_is_what_its_own_settings_would_plan() -> None:
    found = ways()
    for said, name in list(CHOSEN.values())[:3]:
        assert found[name].memory == planned(**said)[1].memory


def test_more_is_divided_from_stage_to_stage() -> None:
    """ZeRO in DeepSpeed, 16-bit with float32 master weights: 2 + 2 + 12 bytes of each parameter, of which 8 ranks
    divide more at each stage (Rajbhandari et al. 2020, figure 1)."""
    found = ways(deepspeed={"zero_optimization": {"stage": 2}})
    held = {name: way.memory.parameters + way.memory.gradients + way.memory.optimizer for name, way in found.items()}
    per = SIZE // 8
    assert held == {
        "DDP": 16 * SIZE,
        "ZeRO-1": 4 * SIZE + 12 * per,
        "ZeRO-2": 2 * SIZE + 14 * per,
        "ZeRO-3": 16 * per,
    }


def test_whether_it_fits() -> None:
    found = ways(room=40 * 2**30)
    assert {name: way.fits for name, way in found.items()} == {
        "DDP": False,
        "ZeRO-1": True,
        "ZeRO-2": True,
        "ZeRO-3": True,
    }
    assert {way.fits for way in ways().values()} == {None}


def test_one_process_divides_nothing() -> None:
    assert compared(*planned(world=1)) == ()
