"""Outputs of many batches into one: nests of tensors, joined along the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from trainspec.training.model.nests import detached, to_cpu, to_numpy
from trainspec.training.model.outputs import IGNORED_LABEL


class Gathered:
    """Collects one output a batch and moves what it holds to the CPU every `batches_on_device` batches."""

    def __init__(self, batches_on_device: int | None) -> None:
        self._limit = batches_on_device
        self._on_cpu: list[Any] = []
        self._on_device: list[Any] = []

    def add(self, value: Any) -> None:
        self._on_device.append(detached(value))
        if self._limit is not None and len(self._on_device) >= self._limit:
            self._move()

    def _move(self) -> None:
        self._on_cpu += [to_cpu(value) for value in self._on_device]
        self._on_device.clear()

    def joined(self) -> Any:
        """One nest of numpy arrays with all the rows; None when there was nothing."""
        self._move()
        return to_numpy(join(self._on_cpu)) if self._is_complete() else None

    def separate(self) -> list[Any] | None:
        """A nest of numpy arrays a batch."""
        self._move()
        return [to_numpy(value) for value in self._on_cpu] if self._is_complete() else None

    def _is_complete(self) -> bool:
        return bool(self._on_cpu) and all(value is not None for value in self._on_cpu)


def join(values: Sequence[Any]) -> Any:
    """One nest from many alike; sequences of different lengths are filled up with the ignored label."""
    first = values[0]
    if isinstance(first, Tensor):
        return _join_tensors([value.reshape(1) if value.dim() == 0 else value for value in values])
    if isinstance(first, Mapping):
        return {key: join([value[key] for value in values]) for key in first}
    if isinstance(first, tuple):
        return tuple(join(column) for column in zip(*values, strict=True))
    return list(values)


def _join_tensors(tensors: Sequence[Tensor]) -> Tensor:
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
