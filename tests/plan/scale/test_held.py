"""What a rank is planned to hold, beside what it holds: each way to share a model, in real processes, within 5 %."""

from pathlib import Path
from typing import Any

import pytest

from trainspec import TrainingArguments
from trainspec.plan.scale.memory import Memory, memory_of
from trainspec.plan.scale.model import of_shapes
from trainspec.settings.views.layout import layout_of

pytest.importorskip("torch")

from tests.plan.scale import held
from tests.training.parallel.world import run_in

NEAR = 0.05
# Losses, inputs, counts of updates: numbers that are of nothing planned.
SMALL = 4096


def zero(stage: int, **more: Any) -> dict[str, Any]:
    """Nothing persists: parameters as small as these would all stay whole."""
    details = {"stage3_param_persistence_threshold": 0} if stage == 3 else {}
    return {"deepspeed": {"zero_optimization": {"stage": stage, "reduce_bucket_size": held.BUCKET, **details}}, **more}


def planned(said: dict[str, Any], ranks: int, per_node: int | None = None, model: held.Layers | None = None) -> Memory:
    args = TrainingArguments.from_dict({**held.USUAL, **said})
    shapes = {name: tuple(value.shape) for name, value in (model or held.Layers()).named_parameters()}
    return memory_of(args, layout_of(args, ranks, per_node), of_shapes(shapes, ""), 2)


def near(measured: int, plan: int, more: int = 0) -> bool:
    """`more` may be there besides, or not."""
    return plan * (1 - NEAR) <= measured <= (plan + more) * (1 + NEAR) + SMALL


WRAPS = "auto_wrap"
LONG = pytest.mark.long_distributed
# Ranks, how many of them share one copy, and of those on a node.
WAYS: list[Any] = [
    ({}, 2, 1, None),
    ({"fsdp": "no_shard"}, 2, 1, None),
    ({"fsdp": f"full_shard {WRAPS}"}, 3, 3, None),
    ({"fsdp": f"shard_grad_op {WRAPS}"}, 2, 2, None),
    ({"fsdp": f"hybrid_shard {WRAPS}"}, 4, 2, 2),
    pytest.param({"fsdp": f"hybrid_shard_zero2 {WRAPS}"}, 4, 2, 2, marks=LONG),
    ({"parallelism_config": {"tp_size": 2}}, 2, 2, None),
    pytest.param({"parallelism_config": {"tp_size": 2, "dp_replicate_size": 2}}, 4, 2, None, marks=LONG),
    ({"fsdp": f"full_shard {WRAPS}", "parallelism_config": {"tp_size": 2, "dp_shard_size": 2}}, 4, 4, None),
    pytest.param({"parallelism_config": {"ep_size": 2}}, 2, 2, None, marks=LONG),
    ({"fsdp": f"full_shard {WRAPS}", "parallelism_config": {"ep_size": 2, "dp_shard_size": 2}}, 4, 4, None),
]


@pytest.mark.parametrize(("said", "ranks", "shards", "per_node"), WAYS, ids=str)
def test_a_rank_holds_what_was_planned(
    said: dict[str, Any], ranks: int, shards: int, per_node: int | None, tmp_path: Path
) -> None:
    model = held.made(said)
    plan, alone = planned(said, ranks, per_node, model), planned({}, 1, model=model)
    nodes = {} if per_node is None else {"LOCAL_WORLD_SIZE": str(per_node)}
    for found in run_in(ranks, held.held, said, str(tmp_path), **nodes):
        assert near(found["parameters"], plan.parameters) and near(found["optimizer"], plan.optimizer)
        assert near(found["gradients"], plan.gradients)
        # Of the first micro-batch, before they are added up over processes: whole ones, where it is not at once.
        assert near(found["waiting"], plan.unsharded_gradients or plan.gradients)
        for part in ("parameters", "gradients", "optimizer"):
            assert near(found[part], getattr(alone, part) // shards), part


@pytest.mark.parametrize("precision", [{}, pytest.param({"bf16": True}, marks=LONG)], ids=["float32", "bf16"])
@pytest.mark.parametrize("stage", range(4))
def test_a_rank_of_deepspeed_holds_what_was_planned(stage: int, precision: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("deepspeed")
    from tests.training.parallel.deepspeed_engine.server import run

    said, ranks = zero(stage, **precision), 2
    plan, whole = planned(said, ranks), planned(zero(0, **precision), ranks)
    for found in run(ranks, held.held, said, str(tmp_path)):
        assert near(found["parameters"], plan.parameters) and near(found["optimizer"], plan.optimizer)
        # The most there is, which stage 1 has before it divides; of buckets one may wait for its turn, and one be sent.
        assert near(max(found["gradients"], found["waiting"]), plan.gradients, 2 * plan.buckets)
        assert stage != 1 or found["gradients"] < 0.7 * plan.gradients
    divided = {"parameters": stage == 3, "gradients": stage >= 2}
    for part, is_divided in divided.items():
        assert getattr(plan, part) == pytest.approx(getattr(whole, part) / (ranks if is_divided else 1), rel=NEAR)


def test_buckets_of_ddp_are_there(tmp_path: Path) -> None:
    """They are torch's own and no tensor of python's, but memory of the process all the same."""
    width = 512
    found = run_in(2, held.resident_more, {}, str(tmp_path), width)
    args = TrainingArguments.from_dict(held.USUAL)
    shapes = {name: tuple(value.shape) for name, value in held.Layers(width).named_parameters()}
    plan = memory_of(args, layout_of(args, 2), of_shapes(shapes, ""), 2)
    total = plan.parameters + plan.gradients + plan.optimizer + plan.buckets
    assert plan.buckets == plan.parameters > 2**25
    assert all(size == pytest.approx(total, rel=NEAR) for size in found), (found, total)
