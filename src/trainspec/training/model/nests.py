"""Nests of tensors: tuples, lists and mappings, changed tensor by tensor; tensors joined along their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from trainspec.training.model.counting import IGNORED_LABEL


def map_tensors(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same nest of tuples, lists and mappings with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, (dict, Mapping)):
        return {key: map_tensors(entry, change) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        entries = [map_tensors(entry, change) for entry in value]
        # A named tuple takes its entries one by one.
        return type(value)(*entries) if hasattr(value, "_fields") else type(value)(entries)
    return value


def to_device(value: Any, device: torch.device, *, non_blocking: bool = False) -> Any:
    """The same nest of tuples, lists and mappings with every tensor on the device."""
    return map_tensors(
        # Asking where a tensor is takes a fraction of the time of moving it to where it is already.
        value,
        lambda tensor: tensor if tensor.device == device else tensor.to(device, non_blocking=non_blocking),
    )


def join_tensors(tensors: Sequence[Tensor]) -> Tensor:
    """Their rows in order; a tensor without dimensions is one row."""
    tensors = [tensor.reshape(1) if tensor.dim() == 0 else tensor for tensor in tensors]
    if tensors[0].dim() > 1:
        longest = max(tensor.shape[1] for tensor in tensors)
        tensors = [_lengthened(tensor, longest) for tensor in tensors]
    return torch.cat(list(tensors))


def _lengthened(tensor: Tensor, length: int) -> Tensor:
    missing = length - tensor.shape[1]
    if not missing:
        return tensor
    # functional.pad counts from the last dimension backwards.
    return functional.pad(tensor, [0, 0] * (tensor.dim() - 2) + [0, missing], value=IGNORED_LABEL)
