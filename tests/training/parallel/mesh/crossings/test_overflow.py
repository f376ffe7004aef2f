"""Gradients in float16 that overflow in one part of one layer: no process makes that update, and the scale falls."""

from typing import Any

import pytest
import torch
from tests.training.parallel.mesh.driving import Run, joined, weights_of
from tests.training.parallel.mesh.models import build
from tests.training.parallel.world import run_in


def overflowing(sizes: dict[str, int]) -> dict[str, Any]:
    with joined() as processes:
        run = Run(processes, sizes, build("plain").float(), fp16=True, adam_epsilon=1e-4)
        run.update(0)
        for _ in range(4):
            # Where parameters are gathered in float16, the first scales are too large.
            if not run.stepped:
                run.update(0)
        told: dict[str, Any] = {"stepped": [run.stepped], "scales": [run.strategy._prepared.precision.loss_scale()]}
        before = weights_of(run.strategy.weights("sharded"))
        weight = dict(run.module.named_parameters())["blocks.1.up.weight"]
        last = processes.rank == processes.world_size - 1

        def spoil(gradient: Any) -> Any:
            (gradient.to_local() if hasattr(gradient, "to_local") else gradient).view(-1)[0] = torch.inf

        hook = weight.register_post_accumulate_grad_hook(lambda value: spoil(value.grad)) if last else None
        told["norm"] = run.update(1)[1]
        told["stepped"].append(run.stepped)
        told["scales"].append(run.strategy._prepared.precision.loss_scale())
        after = run.strategy.weights("sharded")
        told["kept"] = all(torch.equal(value, after[name]) for name, value in before.items())
        if hook is not None:
            hook.remove()
        run.update(2)
        told["stepped"].append(run.stepped)
        return told


@pytest.mark.parametrize("sizes", [{"tp_size": 2}, {"tp_size": 2, "dp_shard_size": 2}], ids=str)
def test_an_overflow_in_one_part_skips_the_update_of_all(sizes: dict[str, int]) -> None:
    for found in run_in(2 * sizes.get("dp_shard_size", 1), overflowing, sizes):
        assert found["stepped"] == [True, False, True] and found["kept"]
        assert found["scales"][1] == found["scales"][0] / 2 and not torch.isfinite(torch.tensor(found["norm"]))
