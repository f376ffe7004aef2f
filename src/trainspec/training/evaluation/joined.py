"""Outputs of many batches into one: nests of tensors, joined along the rows."""

from __future__ import annotations

from typing import Any

from trainspec.training.model.nests import detached, join, to_cpu, to_numpy


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
