"""Weights that all processes begin with: those of the main process, whatever the others have made.

A model may stand on the meta device, where it has shapes and no numbers: in every process but the main one, or in all
of them. Numbers are drawn for whole parameters in the main process only: drawn for shards, they would be the same in
every one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from trainspec.training.errors import TrainingError
from trainspec.training.parallel.fsdp.pieces import part_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainspec.training.parallel.processes import Processes


class EmptyModelError(TrainingError):
    """A model on the meta device with modules that cannot draw their weights; the message names them."""


def on_meta(model: nn.Module) -> bool:
    return any(value.is_meta for value in _tensors(model).values())


def unfillable(model: nn.Module) -> list[str]:
    """The classes of modules on the meta device that have no reset_parameters, which draws their weights."""
    return sorted({type(module).__name__ for module in model.modules() if _is_empty(module) and not _resets(module)})


def fill(model: nn.Module) -> None:
    """Give a model on the meta device its numbers, on the CPU, each module by its own reset_parameters.

    Raises EmptyModelError.
    """
    cannot = unfillable(model)
    if cannot:
        raise EmptyModelError(
            f"the model of the main process is on the meta device, and nothing draws the weights of {', '.join(cannot)}"
        )
    empty: Any = [module for module in model.modules() if _is_empty(module)]
    _replace(model, lambda value: torch.empty_like(value, device="cpu") if value.is_meta else value)
    for module in empty:
        module.reset_parameters()


def even_out(model: nn.Module, processes: Processes) -> None:
    """Every parameter and buffer becomes the main process's, in place, before any is sharded."""
    for value in _tensors(model).values():
        with torch.no_grad():
            value.copy_(processes.broadcast(value.detach()))


class Handing:
    """The main process's numbers for a model of which the others keep shapes alone.

    made before the model is sharded, done afterwards: no process but the main one ever holds it whole.
    """

    def __init__(self, model: nn.Module, processes: Processes) -> None:
        self._processes = processes
        if processes.is_main:
            if on_meta(model):
                fill(model)
            self._held = {name: value.detach() for name, value in _tensors(model).items()}
        else:
            _replace(model, lambda value: value.to("meta"))
            self._held = {}

    def done(self, model: nn.Module, device: torch.device, *, offload: bool) -> None:
        """The sharded model, on its device, with those numbers."""
        if not self._processes.is_main:
            kept = torch.device("cpu") if offload else device
            _replace(model, lambda value: _empty(value, kept if isinstance(value, nn.Parameter) else device))
        for name, value in _tensors(model).items():
            whole = self._held.pop(name, None)
            if whole is not None:
                whole = whole.to(device)
            whole = self._processes.broadcast(whole)
            assert whole is not None, "the main process has every tensor"
            with torch.no_grad():
                if isinstance(value, DTensor):
                    value.to_local().copy_(part_of(whole, value))
                else:
                    value.copy_(whole)


def _replace(model: nn.Module, function: Callable[[Tensor], Tensor]) -> None:
    """Every parameter and buffer, in each place where it stands: what is tied stays so, unlike under torch's own."""
    made: dict[Tensor, Tensor] = {}
    for module in model.modules():
        tables: tuple[dict[str, Any], ...] = (module._parameters, module._buffers)
        for table in tables:
            for name, value in table.items():
                if value is not None:
                    if value not in made:
                        made[value] = _as(value, function(value))
                    table[name] = made[value]


def _as(value: Tensor, new: Tensor) -> Tensor:
    if not isinstance(value, nn.Parameter):
        return new
    return value if new is value else nn.Parameter(new.detach(), requires_grad=value.requires_grad)


def _empty(value: Tensor, device: torch.device) -> Tensor:
    return torch.empty_like(value, device=device)


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers, those that are not saved too; a tied one has the first of its names."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _own(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters(recurse=False)
    yield from module.buffers(recurse=False)


def _is_empty(module: nn.Module) -> bool:
    return any(value.is_meta for value in _own(module))


def _resets(module: nn.Module) -> bool:
    return callable(getattr(module, "reset_parameters", None))
