"""Memory of a rank, against the figures of the papers that the formulas are from."""

from __future__ import annotations

from typing import Any

import pytest

from trainspec import TrainingArguments
from trainspec.plan.scale.activations import activation_bytes, tensor_parallel_bytes
from trainspec.plan.scale.memory import Memory, memory_of
from trainspec.plan.scale.model import ModelSize, Transformer, of_number, of_shapes
from trainspec.settings.views.layout import layout_of

GPT = Transformer(layers=2, hidden=64, inner=256, key_values=128, vocabulary=0, dropout=True)


def memory(said: dict[str, Any], world: int, model: ModelSize, per_node: int | None = None, rows: int = 1) -> Memory:
    args = TrainingArguments.from_dict(said)
    return memory_of(args, layout_of(args, world, per_node), model, rows)


# Rajbhandari et al. 2020, figure 1: 7.5 billion parameters, 64 ranks, mixed precision and Adam, in 10**9 bytes.
@pytest.mark.parametrize(("stage", "gigabytes"), [(0, 120), (1, 31.4), (2, 16.6), (3, 1.9)])
def test_the_figure_of_the_zero_paper(stage: int, gigabytes: float) -> None:
    said = {"bf16": True, "deepspeed": {"zero_optimization": {"stage": stage}}}
    held = memory(said, 64, of_number(7_500_000_000))
    assert (held.parameters + held.gradients + held.optimizer) / 1e9 == pytest.approx(gigabytes, abs=0.05)


# In float32 with AdamW: 4 bytes of parameter, 4 of gradient, 8 of state.
@pytest.mark.parametrize(
    ("said", "world", "per_node", "held"),
    [
        ({}, 8, None, (4000, 4000, 8000)),
        ({"fsdp": "full_shard"}, 8, None, (500, 500, 1000)),
        ({"fsdp": "shard_grad_op"}, 8, None, (500, 500, 1000)),
        ({"fsdp": "hybrid_shard"}, 8, 4, (1000, 1000, 2000)),
        ({"fsdp": "no_shard"}, 8, None, (4000, 4000, 8000)),
        ({"parallelism_config": {"tp_size": 4, "dp_shard_size": 2}}, 8, None, (500, 500, 1000)),
        ({"parallelism_config": {"tp_size": 4, "dp_replicate_size": 2}}, 8, None, (1000, 1000, 2000)),
        ({"fsdp": "full_shard"}, 3, None, (1336, 1336, 2672)),
        ({"fsdp": "full_shard", "bf16": True}, 8, None, (500, 500, 1000)),
        ({"fsdp": "full_shard", "optim": "sgd"}, 8, None, (500, 500, 0)),
    ],
)
def test_what_a_rank_holds(said: dict[str, Any], world: int, per_node: int | None, held: tuple[int, int, int]) -> None:
    found = memory(said, world, of_number(1000), per_node)
    assert (found.parameters, found.gradients, found.optimizer) == held


def test_the_worked_example() -> None:
    held = memory({"fsdp": "full_shard", "gradient_accumulation_steps": 2}, 3, of_number(3_000_000))
    assert (held.parameters, held.gradients, held.optimizer) == (4_000_000, 4_000_000, 8_000_000)
    assert held.unsharded_gradients == 12_000_000


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        ({"fsdp": "full_shard"}, False),
        ({"fsdp": "full_shard", "gradient_accumulation_steps": 2}, True),
        ({"gradient_accumulation_steps": 2}, False),
        (
            {
                "fsdp": "full_shard",
                "gradient_accumulation_steps": 2,
                "accelerator_config": {"gradient_accumulation_kwargs": {"sync_each_batch": True}},
            },
            False,
        ),
        ({"deepspeed": {"zero_optimization": {"stage": 3}}, "gradient_accumulation_steps": 2}, False),
    ],
)
def test_whole_gradients_are_held_where_they_wait_for_the_last_micro_batch(said: dict[str, Any], waits: bool) -> None:
    assert (memory(said, 4, of_number(1000)).unsharded_gradients == 4000) is waits


def test_what_is_gathered_at_once() -> None:
    shapes = {"embed": (100, 8), **{f"h.{number}.w": (8, 8) for number in range(6)}}
    model = of_shapes(shapes, "")
    assert memory({"fsdp": "full_shard"}, 4, model).gathered == (800 + 6 * 64) * 4
    # The embedding is in no unit, and stays; of six layers two are there at a time.
    assert memory({"fsdp": "full_shard auto_wrap"}, 4, model).gathered == (800 + 2 * 64) * 4
    assert memory({"fsdp": "full_shard auto_wrap", "bf16": True}, 4, model).gathered == (800 + 2 * 64) * 2
    assert memory({"fsdp": "full_shard auto_wrap"}, 4, of_number(1000)).gathered is None
    assert memory({}, 4, model).gathered == 0


@pytest.mark.parametrize(
    ("said", "host"),
    [
        ({"fsdp": "full_shard offload"}, ("parameters", "gradients", "optimizer")),
        ({"deepspeed": {"zero_optimization": {"stage": 1, "offload_optimizer": {"device": "cpu"}}}}, ("optimizer",)),
        (
            {"deepspeed": {"zero_optimization": {"stage": 3, "offload_param": {"device": "cpu"}}}},
            ("parameters",),
        ),
        ({"fsdp": "full_shard"}, ()),
    ],
)
def test_what_lies_on_the_host(said: dict[str, Any], host: tuple[str, ...]) -> None:
    held = memory(said, 4, of_number(1000))
    assert held.on_host == host
    assert held.host == sum(held.parts[name] or 0 for name in host)
    assert held.device + held.host == sum(size or 0 for size in held.parts.values())


def test_uneven_rows_are_the_first_ranks() -> None:
    # Of ten rows on four ranks the first three have three, the last has one.
    assert memory({"fsdp": "full_shard"}, 4, of_shapes({"w": (10, 7)}, "")).parameters == 3 * 7 * 4


def test_activations_of_a_layer() -> None:
    """34 s b h in 16 bits (Korthikanti et al. 2022, equation 1, without the matrix of scores)."""
    tokens = 3 * 50
    assert activation_bytes(GPT, 3, 50, 2) == 2 * 34 * tokens * 64
    # Equation 2: ten of the 34 are not divided, nor is what follows from them; masks lie outside.
    assert activation_bytes(GPT, 3, 50, 2, tensor=4) == 2 * tokens * 64 * (10 + 24 / 4)
    assert activation_bytes(GPT, 3, 50, 2, split=2) == 34 * tokens * 64
    assert activation_bytes(GPT, 3, 50, 2, recomputed=True) == tokens * 64 * (2 * 2 + 34)


def test_activations_are_told_where_sizes_are() -> None:
    model = ModelSize(1000, "", transformer=GPT, sequence=50)
    assert memory({"bf16": True}, 4, model, rows=3).activations == activation_bytes(GPT, 3, 50, 2)
    assert memory({"bf16": True}, 4, of_number(1000)).activations is None


def test_tensor_parallel_traffic() -> None:
    """Two all-reduces of b s h in each direction and layer; over a ring each sends 2 (t - 1) / t of it."""
    assert tensor_parallel_bytes(GPT, 3, 50, 2, 4) == 2 * 4 * 2 * 3 / 4 * 3 * 50 * 64 * 2
