"""What processes of a tensor-parallel group hold whole, they drop alike; of parts, each drops its own.

Other groups drop otherwise. What is recomputed meets the same numbers again.
"""

from typing import Any

import torch
from tests.training.parallel.mesh.driving import Run, Trained, alone, differences, joined, weights_of
from tests.training.parallel.mesh.models import build
from tests.training.parallel.world import run_in
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

OUTER, INNER = 0.3, 0.4


def drop(model: nn.Module, *, outer: float = OUTER, inner: float = 0.0) -> nn.Module:
    for block in model.blocks:  # type: ignore[union-attr]
        block.dropout.p = outer
        block.attention.inner_dropout = inner
    return model.train()


def outside(share_seeds: bool) -> tuple[Trained, Any]:
    with joined() as processes:
        run = Run(processes, {"tp_size": 2}, drop(build("plain")))
        torch.manual_seed(100)
        found = [run.update(number) for number in range(3)]
        trained = Trained(weights_of(run.strategy.weights()), [a for a, _ in found], [b for _, b in found])
        return trained, torch.get_rng_state()


def test_dropout_outside_of_parts_is_that_of_one_process() -> None:
    found = run_in(2, outside, True)
    expected = alone("plain", change=lambda model: (drop(model), torch.manual_seed(100)))
    off = differences([trained for trained, _ in found], expected)
    assert off["weights"] < 1e-6 and off["losses"] < 1e-12
    assert torch.equal(found[0][1], found[1][1])
    assert max(abs(a - b) for a, b in zip(expected.losses, alone("plain").losses, strict=True)) > 1e-3, "it drops"


class Watched:
    """Which features were dropped, in every call of attention's own dropout."""

    def __init__(self, run: Run) -> None:
        self.masks: list[Tensor] = []
        for block in run.module.blocks:  # type: ignore[union-attr]
            block.attention.out.register_forward_pre_hook(lambda module, args: self.masks.append(args[0] == 0))


def inside(sizes: dict[str, int]) -> dict[str, Any]:
    with joined() as processes:
        run = Run(processes, sizes, drop(build("plain"), outer=0.0, inner=INNER))
        # Before the hook that makes a part of a tensor: what it takes is this process's own.
        watched = Watched(run)
        torch.manual_seed(100 + run.strategy.data_rank)
        first = run.update(0)
        states = [torch.get_rng_state()]
        second = run.update(1)
        states.append(torch.get_rng_state())
        masks = [mask.to_local() if hasattr(mask, "to_local") else mask for mask in watched.masks]
        return {"masks": masks, "losses": (first[0], second[0]), "states": states, "data_rank": run.strategy.data_rank}


def test_dropout_of_parts_differs_between_them_and_between_layers_and_updates() -> None:
    zero, one = run_in(2, inside, {"tp_size": 2})
    assert len(zero["masks"]) == 4
    everything = [*zero["masks"], *one["masks"]]
    for place, mask in enumerate(everything):
        assert 0.2 < mask.double().mean() < 0.6
        assert not any(torch.equal(mask, other) for other in everything[:place])
    assert zero["losses"] == one["losses"]
    for a, b in zip(zero["states"], one["states"], strict=True):
        assert torch.equal(a, b), "the common stream is where it was in both"
    assert not torch.equal(*zero["states"]), "and has moved"


def test_groups_with_other_rows_drop_otherwise() -> None:
    found = run_in(4, inside, {"tp_size": 2, "dp_replicate_size": 2})
    assert [rank["data_rank"] for rank in found] == [0, 0, 1, 1]
    assert not torch.equal(found[0]["states"][0], found[2]["states"][0])
    assert not torch.equal(found[0]["masks"][0], found[2]["masks"][0])


def recomputed(recompute: bool) -> Trained:
    with joined() as processes:
        run = Run(processes, {"tp_size": 2}, drop(build("plain"), inner=INNER))
        if recompute:
            for block in run.module.blocks:  # type: ignore[union-attr]
                block.forward = _recomputing(block.forward)
        torch.manual_seed(100)
        found = [run.update(number) for number in range(3)]
        return Trained(weights_of(run.strategy.weights()), [a for a, _ in found], [b for _, b in found])


def _recomputing(forward: Any) -> Any:
    return lambda x: checkpoint(forward, x, use_reentrant=False)


def test_what_is_recomputed_is_dropped_again() -> None:
    found, expected = run_in(2, recomputed, True), run_in(2, recomputed, False)
    off = differences(found, expected[0])
    assert off["weights"] < 1e-9 and off["norms"] < 1e-12
