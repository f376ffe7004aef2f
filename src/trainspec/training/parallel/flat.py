"""Gradients of every process added up after they are there, and buffers made alike, a few large messages at a time."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainspec.training.parallel.processes import Processes

# In bytes; as much as DistributedDataParallel sends at once.
_AT_ONCE = 25 * 2**20


def added_up(parameters: Iterable[Tensor], processes: Processes) -> bool:
    """In place: every parameter's gradient is the sum of those of all processes, whether or not it has one here.

    Where no process has one there is still none. Returns whether every process had one of each.
    """
    parameters = list(parameters)
    if not parameters:
        return True
    # The largest of what is missing tells whether anything is, anywhere.
    has = torch.tensor([value.grad is not None for value in parameters], dtype=torch.uint8)
    found, missing = processes.max(torch.stack([has, 1 - has])).tolist()
    there = [value for value, is_there in zip(parameters, found, strict=True) if is_there]
    for value in there:
        if value.grad is None:
            value.grad = torch.zeros_like(value)
    bundles: dict[torch.dtype, list[Tensor]] = defaultdict(list)
    for value in there:
        assert value.grad is not None
        bundle = bundles[value.grad.dtype]
        bundle.append(value.grad)
        if sum(grad.numel() * grad.element_size() for grad in bundle) >= _AT_ONCE:
            _add_up(bundles.pop(value.grad.dtype), processes)
    for bundle in bundles.values():
        _add_up(bundle, processes)
    return not any(missing)


def _add_up(bundle: list[Tensor], processes: Processes) -> None:
    total = processes.sum(torch.cat([grad.reshape(-1) for grad in bundle]))
    start = 0
    for grad in bundle:
        grad.copy_(total[start : start + grad.numel()].view_as(grad))
        start += grad.numel()


def as_in_main(tensors: Iterable[Tensor], processes: Processes) -> None:
    """In place: what the main process has in each of these, of which every process has the same."""
    by_kind: dict[tuple[torch.dtype, torch.device], list[Tensor]] = defaultdict(list)
    for value in tensors:
        by_kind[value.dtype, value.device].append(value)
    for values in by_kind.values():
        whole, start = processes.broadcast(torch.cat([value.reshape(-1) for value in values])), 0
        for value in values:
            value.copy_(whole[start : start + value.numel()].view_as(value))
            start += value.numel()
