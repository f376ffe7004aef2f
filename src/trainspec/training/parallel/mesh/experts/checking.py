"""Whether a block is a sum over its experts, found out with numbers of our own in place of what experts return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from trainspec.training.parallel.processes import ProcessesError

if TYPE_CHECKING:
    from collections.abc import Callable
    from functools import partial

    from torch import nn

# In rounding errors of the number format that is computed in, which are those of some tens of operations.
_ROUNDED = 16


class Probe:
    """Stands for all experts: returns `scale` times fixed numbers, another for each expert, and notes what came in."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self.taken: list[Tensor] = []

    def __call__(self, number: int, args: Any, kwargs: Any) -> Tensor:
        given = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
        self.taken += [value.detach().clone() for value in given]
        x, kind = given[0], given[0].device.type
        made = torch.arange(x.numel(), device=x.device, dtype=torch.float32).add_(number).cos_().view(x.shape)
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
        return made.mul_(self._scale).to(dtype)


def check_sum(block: nn.Module, forward: partial[Any], probing: Callable[[Probe | None], None]) -> bool:
    """Whether it is known now that it is one; what is not finite tells nothing. Raises ProcessesError where it is none.

    `forward` has its arguments; it runs three times, without experts. Buffers and random numbers stay as they were.
    """
    kept = [(value, value.clone()) for value in block.buffers()]
    given = [value for value in tree_leaves((forward.args, forward.keywords)) if isinstance(value, Tensor)]
    devices = [value.device for value in given if value.device.type != "cpu"][:1]
    found: list[tuple[Probe, list[Any]]] = []
    try:
        for scale in (0.0, 1.0, 2.0):
            probe = Probe(scale)
            probing(probe)
            with torch.no_grad(), torch.random.fork_rng(devices, device_type=devices[0].type if devices else "cuda"):
                found.append((probe, tree_leaves(forward())))
    finally:
        probing(None)
        with torch.no_grad():
            for value, before in kept:
                value.copy_(before)
    return _judged(type(block).__name__, [probe.taken for probe, _ in found], [leaves for _, leaves in found])


def _judged(name: str, taken: list[list[Tensor]], outputs: list[list[Any]]) -> bool:
    if not taken[0]:
        # No token went to any of them.
        return False
    none, one, two = taken
    if not all(len(none) == len(each) and all(map(torch.equal, none, each)) for each in (one, two)):
        raise ProcessesError(f"{name}: what one expert returns is given to another{_REMEDY}")
    odd = [type(value).__name__ for value in outputs[0] if value is not None and not isinstance(value, _PLAIN)]
    if odd:
        raise ProcessesError(f"{name} returns {odd[0]}; it must return tensors, or tuples, lists or mappings of such")
    differs = False
    for base, first, second in zip(*outputs, strict=True):
        if not isinstance(base, Tensor) or not base.is_floating_point():
            if not _same(base, first, second):
                raise ProcessesError(f"{name} decides by what experts return{_REMEDY}")
            continue
        dtype = min(
            (value.dtype for value in (base, *none) if value.is_floating_point()), key=lambda kind: kind.itemsize
        )
        values = [value.double() for value in (base, first, second)]
        if not all(bool(value.isfinite().all()) for value in values):
            return False
        bound = _ROUNDED * torch.finfo(dtype).eps * max(float(value.abs().max()) for value in values if value.numel())
        step = values[1] - values[0]
        if float((values[2] - values[1] - step).abs().max()) > bound:
            raise ProcessesError(f"what {name} returns is not a sum over its experts{_REMEDY}")
        differs |= float(step.abs().max()) > bound
    return differs


_PLAIN = (Tensor, bool, int, float, str)
_REMEDY = (
    ": processes that have some of them each would compute something else; leave ep_size out, or move the experts to a "
    "module that adds up what they make"
)


def _same(base: Any, *others: Any) -> bool:
    if isinstance(base, Tensor):
        return all(torch.equal(base, other) for other in others)
    return all(bool(base == other) for other in others)
