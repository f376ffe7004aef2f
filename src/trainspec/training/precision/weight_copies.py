"""A module that computes on copies of its weights, while its own parameters stay what and where they are.

The copies stand in the module's tables under the same names, so that every way of reading a weight finds them, tied
weights stay tied, and optimizers, gradient hooks and state dicts made before or after never meet a copy.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainspec.training.model.nests import map_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Slot:
    """One place in a module where a floating-point tensor stands."""

    table: dict[str, Any]
    name: str
    tensor: Tensor

    def put(self, tensor: Tensor) -> None:
        self.table[self.name] = tensor


def floating_slots(
    model: nn.Module, *, buffers: bool = False, without: Callable[[nn.Module], bool] = lambda module: False
) -> list[Slot]:
    """Every slot of the modules that `without` does not exclude; a tied weight has several."""
    found: list[Slot] = []
    for module in model.modules():
        if without(module):
            continue
        tables: list[dict[str, Any]] = [module._parameters, module._buffers] if buffers else [module._parameters]
        for table in tables:
            found += [
                Slot(table, name, tensor)
                for name, tensor in table.items()
                if tensor is not None and tensor.is_floating_point()
            ]
    return found


@contextmanager
def replaced(slots: list[Slot], copy: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Each slot holds `copy` of its tensor while the block runs; a tensor that stands in several is copied once."""
    copies: dict[int, Tensor] = {}
    try:
        for slot in slots:
            key = id(slot.tensor)
            if key not in copies:
                copies[key] = copy(slot.tensor)
            slot.put(copies[key])
        yield
    finally:
        for slot in slots:
            slot.put(slot.tensor)


def cast(value: Any, dtype: torch.dtype) -> Any:
    """A nest of inputs with every floating-point tensor in `dtype`."""
    return map_tensors(value, lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor)


@contextmanager
def inputs_in(model: nn.Module, dtype: torch.dtype) -> Iterator[None]:
    """What the model is called with arrives in `dtype`, as layers with weights in that dtype need it."""

    def convert(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        return cast(args, dtype), cast(kwargs, dtype)

    hook = model.register_forward_pre_hook(convert, prepend=True, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()
