"""Optimizers set so that they step on shards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import nn
    from torch.optim import Optimizer

# The one operation that does all there is to do to a parameter takes no DTensor for these; that of Adam does.
_NOT_FUSED = (torch.optim.SGD, torch.optim.Adagrad)


def take_shards(optimizer: Optimizer, whole: Collection[nn.Parameter]) -> None:
    """In place: the same numbers, by operations that take what its parameters are."""
    apart = {id(value) for value in whole}
    for group in optimizer.param_groups:
        # An operation on many parameters at once takes whole ones or sharded ones, not both.
        mixed = len({id(value) in apart for value in group["params"]}) > 1
        if mixed and "foreach" in group:
            group["foreach"] = False
        if group.get("fused") and (mixed or isinstance(optimizer, _NOT_FUSED)):
            group["fused"] = False
    known: Any = optimizer
    if getattr(known, "_step_supports_amp_scaling", False) and not all(group["fused"] for group in known.param_groups):
        # Only the fused operation leaves out by itself a step whose gradients overflowed.
        known._step_supports_amp_scaling = False
        for group in known.param_groups:
            group["fused"] = False
