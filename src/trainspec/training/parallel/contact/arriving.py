"""Nests of tensors that the main process has, or can read one by one, and that arrive tensor by tensor elsewhere.

No process holds more of them at a time than one tensor, and what it keeps of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trainspec.training.errors import TrainingError
from trainspec.training.parallel.agreement import together

if TYPE_CHECKING:
    from trainspec.training.parallel.processes import Processes

Path = tuple[Any, ...]
Take = Callable[[Path, Tensor], Any]


@dataclass(frozen=True, eq=False)
class Later:
    """A tensor that is not here yet. `read` makes it, on the CPU; only the main process has one that it can call."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    read: Callable[[], Tensor] | None = None

    def on_meta(self) -> Tensor:
        """A tensor of its shape and dtype, without values."""
        return torch.empty(self.shape, dtype=self.dtype, device="meta")

    def here(self) -> Tensor:
        """Raises RuntimeError where it is not the main process that asks."""
        if self.read is None:
            raise RuntimeError("only the main process reads what the others are sent")
        return self.read()


def described_to_all(nest: Any, processes: Processes) -> Any:
    """The main process's nest in every process: its tensors are sent at once, of what comes later the shape is told."""
    if processes.world_size == 1:
        return nest
    return _sent(nest, processes, lambda _, value: value)


def handed_out(nest: Any, processes: Processes, take: Take) -> Any:
    """The main process's nest in every process, tensor by tensor: `take` makes of each what is kept."""
    return _sent(nest, processes, take)


def arrived(nest: Any, processes: Processes, take: Take) -> Any:
    """A nest that is the same in every process, with its tensors, and those that come later, as `take` makes them.

    What one process cannot read, or take, is raised in all of them when all have come: nobody waits for a tensor.
    """
    failures: list[Exception] = []

    def one(path: Path, value: Any) -> Any:
        whole = _from_main(value, processes, failures) if isinstance(value, Later) else value
        try:
            return None if failures else take(path, whole)
        except (TrainingError, RuntimeError, ValueError) as error:
            failures.append(error)
            return None

    found = mapped(nest, one)
    with together(processes, "taking the optimizer's state"):
        if failures:
            raise failures[0]
    return found


def _from_main(value: Later, processes: Processes, failures: list[Exception]) -> Tensor:
    here: Tensor | None = None
    if processes.is_main:
        try:
            here = value.here()
        except Exception as error:  # the others are about to wait for it, whatever it is
            failures.append(error)
            here = torch.zeros(value.shape, dtype=value.dtype)
    got = processes.broadcast(here)
    assert got is not None, "the main process sends every tensor"
    return got


def mapped(nest: Any, function: Callable[[Path, Any], Any], path: Path = ()) -> Any:
    """The nest with what `function` makes of each tensor, here or not, and of its place."""
    if isinstance(nest, Tensor | Later):
        return function(path, nest)
    if isinstance(nest, Mapping):
        return {key: mapped(entry, function, (*path, key)) for key, entry in nest.items()}
    if isinstance(nest, (tuple, list)):
        entries = [mapped(entry, function, (*path, place)) for place, entry in enumerate(nest)]
        return tuple(entries) if isinstance(nest, tuple) else entries
    return nest


def _sent(nest: Any, processes: Processes, take: Take) -> Any:
    sent: list[Tensor | Later] = []
    told = processes.broadcast(_outlined(nest, sent) if processes.is_main else None)
    waiting = iter(sent)

    def received(path: Path, form: Any) -> Any:
        mine = next(waiting, None)
        if form[0] == "later":
            return mine if isinstance(mine, Later) else Later(tuple(form[2]), getattr(torch, form[1]))
        value = processes.broadcast(mine)
        assert isinstance(value, Tensor), "the main process sends every tensor"
        return take(path, value)

    return _filled(told, received, ())


def _outlined(nest: Any, sent: list[Tensor | Later]) -> Any:
    """As JSON keeps it: ["tensor"], ["later", dtype, shape], ["mapping", pairs], ["tuple", entries], ["list", entries]
    or ["value", value].
    """
    if isinstance(nest, Tensor | Later):
        sent.append(nest)
        later = isinstance(nest, Later)
        return ["later", str(nest.dtype).removeprefix("torch."), list(nest.shape)] if later else ["tensor"]
    if isinstance(nest, Mapping):
        return ["mapping", [[key, _outlined(entry, sent)] for key, entry in nest.items()]]
    if isinstance(nest, (tuple, list)):
        return ["tuple" if isinstance(nest, tuple) else "list", [_outlined(entry, sent) for entry in nest]]
    return ["value", nest]


def _filled(told: Any, received: Callable[[Path, Any], Any], path: Path) -> Any:
    if told[0] in ("tensor", "later"):
        return received(path, told)
    if told[0] == "mapping":
        return {key: _filled(entry, received, (*path, key)) for key, entry in told[1]}
    if told[0] == "value":
        return told[1]
    entries = [_filled(entry, received, (*path, place)) for place, entry in enumerate(told[1])]
    return tuple(entries) if told[0] == "tuple" else entries
