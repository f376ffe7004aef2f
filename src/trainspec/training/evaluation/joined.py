"""The predictions, labels or inputs of an evaluation, batch by batch, and then as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trainspec.training.errors import OutputsError
from trainspec.training.evaluation.arrays import as_arrays, detached, join


class Gathered:
    """Collects one output a batch and moves what it holds to the CPU every `batches_on_device` batches.

    `name` is what messages call it.
    """

    def __init__(self, name: str, batches_on_device: int | None) -> None:
        self._name = name
        self._limit = batches_on_device
        self._on_cpu: list[Any] = []
        self._on_device: list[Any] = []
        self._entries: list[Sequence[str] | None] = []

    def add(self, value: Any, entries: Sequence[str] | None = None) -> None:
        """`entries`: the model's names for what the value is made of, where it has some."""
        if not self._entries or entries != self._entries[-1]:
            self._entries.append(entries)
        self._on_device.append(detached(value))
        if self._limit is not None and len(self._on_device) >= self._limit:
            self._move()

    def _move(self) -> None:
        self._on_cpu += [as_arrays(value) for value in self._on_device]
        self._on_device.clear()

    def joined(self) -> Any:
        """One nest of numpy arrays with all the rows; None when there was nothing. Raises OutputsError."""
        self._move()
        if len(self._entries) > 1:
            self._refuse_changing_entries()
        entries = self._entries[0] if self._entries else None
        if not self._on_cpu:
            return None
        if not entries or len(entries) == 1:
            return join(self._on_cpu, f"{self._name} ({entries[0]!r})" if entries else self._name)
        if any(not isinstance(value, tuple) or len(value) != len(entries) for value in self._on_cpu):
            # An override has made something else of what the model returned.
            return join(self._on_cpu, self._name)
        columns = zip(entries, zip(*self._on_cpu, strict=True), strict=True)
        return tuple(join(column, f"{self._name} ({entry!r})") for entry, column in columns)

    def _refuse_changing_entries(self) -> None:
        first, other = (set(entries or ()) for entries in self._entries[:2])
        changing = ", ".join(map(repr, sorted(first ^ other))) or "the order of its outputs"
        raise OutputsError(
            f"{self._name} of several batches cannot be joined: the model returned {changing} in some batches and None "
            "or nothing in others. Leave it out with ignore_keys, or set eval_do_concat_batches: false, which keeps "
            "one entry a batch"
        )

    def separate(self) -> list[Any] | None:
        """A nest of numpy arrays a batch; None when there was nothing in any."""
        self._move()
        return None if all(value is None for value in self._on_cpu) else list(self._on_cpu)
