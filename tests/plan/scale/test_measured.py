"""Planned phases beside real ones: three processes of torch's FSDP2, with parameters that three do not share evenly."""

from __future__ import annotations

import math
from typing import Any

import pytest

from trainspec import TrainingArguments
from trainspec.plan.scale.optimizer_state import state_bytes
from trainspec.plan.scale.phases import Phase, phases, sizes_of
from trainspec.plan.scale.pieces import layers_of, local_shape
from trainspec.settings.views.layout import layout_of

pytest.importorskip("torch")

RANKS, ACCUMULATION = 3, 2


def model() -> Any:
    from torch import nn

    # Nine rows, eight, and two: shares of 3, 3, 3, of 3, 3, 2, and of 1, 1, 0.
    return nn.Sequential(
        nn.Linear(7, 8), *(nn.Sequential(nn.Linear(8, 9), nn.Linear(9, 8)) for _ in range(2)), nn.Linear(8, 2)
    )


def units(shapes: dict[str, Any]) -> list[list[str]]:
    return [[name for name in shapes if name.startswith(f"{block}.")] for block in (1, 2)]


def measure(stage: int) -> dict[str, Any]:
    """One update of `ACCUMULATION` micro-batches: what was sent in each phase, and what is held."""
    import torch
    import torch.distributed as dist
    from torch.distributed.fsdp import fully_shard

    dist.init_process_group("gloo")
    network = model()
    for block in (network[1], network[2]):
        fully_shard(block, reshard_after_forward=stage == 3)
    fully_shard(network, reshard_after_forward=False)
    network.set_force_sum_reduction_for_comms(True)
    optimizer = torch.optim.AdamW(network.parameters())
    sent: list[tuple[str, int]] = []
    gather, scatter = dist.all_gather_single, dist.reduce_scatter_single

    def gathered(output: Any, own: Any, *rest: Any, **more: Any) -> Any:
        sent.append(("all-gather", own.numel() * own.element_size() * (RANKS - 1)))
        return gather(output, own, *rest, **more)

    def scattered(output: Any, *rest: Any, **more: Any) -> Any:
        sent.append(("reduce-scatter", output.numel() * output.element_size() * (RANKS - 1)))
        return scatter(output, *rest, **more)

    dist.all_gather_single, dist.reduce_scatter_single = gathered, scattered
    found: list[tuple[str, int]] = []

    def phase(name: str) -> None:
        for collective in ("all-gather", "reduce-scatter"):
            if sizes := [size for kind, size in sent if kind == collective]:
                found.append((f"{name} {collective}", sum(sizes)))
        sent.clear()

    for number in range(1, ACCUMULATION + 1):
        network.set_requires_gradient_sync(number == ACCUMULATION)
        loss = network(torch.ones(2, 7)).sum()
        phase(f"{number} forward")
        loss.backward()
        phase(f"{number} backward")
    optimizer.step()

    def local(values: Any) -> int:
        whole = [value.to_local() if hasattr(value, "to_local") else value for value in values]
        return sum(value.numel() * value.element_size() for value in whole)

    parameters = list(network.parameters())
    states = [value for state in optimizer.state.values() for name, value in state.items() if name != "step"]
    held = [local(parameters), local([value.grad for value in parameters]), local(states)]
    shapes = {name: tuple(value.shape) for name, value in model().named_parameters()}
    return {"sent": found, "held": held, "shapes": shapes}


def planned(stage: int, shapes: dict[str, Any], rank: int) -> list[Phase]:
    option = {3: "full_shard", 2: "shard_grad_op"}[stage]
    args = TrainingArguments.from_dict({"fsdp": [option, "auto_wrap"]})
    layout = layout_of(args, RANKS)
    sizes = sizes_of(shapes, units(shapes), layout, rank=rank, state=lambda shape: state_bytes(args, shape))
    return phases(sizes, layout, accumulation=ACCUMULATION)


@pytest.mark.parametrize("stage", [3, 2])
def test_what_is_sent_and_held_is_what_was_planned(stage: int) -> None:
    from tests.training.parallel.world import run_in

    for rank, measured in enumerate(run_in(RANKS, measure, stage)):
        plan = planned(stage, measured["shapes"], rank)
        sent = [
            (f"{one.micro_batch} {'backward' if one.name == 'reduce' else one.name} {one.collective}", one.sent)
            for one in plan
            if one.collective
        ]
        assert sent == measured["sent"]
        step = next(one for one in plan if one.name == "step").resident
        assert [step.parameters, step.gradients, step.optimizer] == measured["held"]
        assert step.gathered == step.unsharded == 0


def test_each_rank_has_about_a_third() -> None:
    shapes = {name: tuple(value.shape) for name, value in model().named_parameters()}
    parts = [sum(math.prod(local_shape(shape, RANKS, rank)) for shape in shapes.values()) for rank in range(RANKS)]
    assert sum(parts) == sum(math.prod(shape) for shape in shapes.values())
    assert parts[0] > parts[2] > 0


def test_layers_alike_are_units() -> None:
    shapes = {"embed": (9, 4), "layers.0.a": (4, 4), "layers.0.b": (4,), "layers.1.a": (4, 4), "layers.1.b": (4,)}
    assert layers_of(shapes) == [("layers.0.a", "layers.0.b"), ("layers.1.a", "layers.1.b")]
    assert layers_of({**shapes, "layers.1.b": (5,)}) == []
