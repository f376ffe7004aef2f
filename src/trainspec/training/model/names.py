"""The names of a model's weights as its author gave them, whatever torch's wrappers have put around its modules.

A compiled module is held in one of torch's as `_orig_mod`, a module for several devices as `module`; both show in the
names of a state dict, and neither belongs into a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.nn.parameter import is_lazy

_COMPILED, _PARALLEL = "_orig_mod", "module"

Renamed = Callable[[str], str]


def whole_size(parameter: Tensor) -> int:
    """Its elements, also where a part of them is here, or none while nothing computes with them."""
    return int(getattr(parameter, "ds_numel", None) or parameter.numel())


def bare(model: nn.Module) -> nn.Module:
    """The module under the wrappers at the top; any other module is returned as it is."""
    while (inner := _wrapped(model)) is not None:
        model = model._modules[inner]  # type: ignore[assignment]
    return model


def plain_name_of(model: nn.Module) -> Renamed:
    """From a name in the state dict of a bare model to the plain one."""
    dropped = {
        f"{path}.{inner}." if path else f"{inner}."
        for path, module in model.named_modules(remove_duplicate=False)
        if (inner := _wrapped(module)) is not None
    }

    def plain(name: str) -> str:
        path, kept = "", []
        for part in name.split("."):
            path += f"{part}."
            if path not in dropped:
                kept.append(part)
        return ".".join(kept)

    return plain if dropped else str


def plain_state(model: nn.Module) -> dict[str, Any]:
    """The state dict of a model under its plain names."""
    inner = bare(model)
    plain = plain_name_of(inner)
    return {plain(name): value for name, value in inner.state_dict().items()}


def plain_parameters(model: nn.Module, *, remove_duplicate: bool = True) -> Iterator[tuple[str, nn.Parameter]]:
    """What `named_parameters` gives, under the plain names."""
    inner = bare(model)
    plain = plain_name_of(inner)
    for name, value in inner.named_parameters(remove_duplicate=remove_duplicate):
        yield plain(name), value


def as_named_here(model: nn.Module, state: Mapping[str, Any]) -> dict[str, Any]:
    """A saved state dict under the names that the bare model's own has; unknown names stay what they are."""
    inner = bare(model)
    plain = plain_name_of(inner)
    here = {plain(name): name for name in inner.state_dict()}
    saved = without_wrappers(state, here)
    return {here.get(saved[name], saved[name]): value for name, value in state.items()}


def without_wrappers(names: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Saved names, some of them with wrappers that the model had then, and the plain ones; those `known` stay."""
    known, names = set(known), list(names)
    found = {name: name if name in known else _without(name, _COMPILED) for name in names}
    strangers = [name for name in found.values() if name not in known]
    if strangers and all(name.startswith(f"{_PARALLEL}.") for name in found.values()):
        return {name: known_as.removeprefix(f"{_PARALLEL}.") for name, known_as in found.items()}
    return found


def _without(name: str, wrapper: str) -> str:
    return ".".join(part for part in name.split(".") if part != wrapper)


def _wrapped(module: nn.Module) -> str | None:
    """The name by which a wrapper of torch's holds its only module; None for any other module."""
    # Asking for the type of a compiled one would import the compiler, which takes longer than most first steps.
    if isinstance(module._modules.get(_COMPILED), nn.Module):
        return _COMPILED
    return _PARALLEL if isinstance(module, DataParallel | DistributedDataParallel) else None


def misfits(model: nn.Module, state: Mapping[str, Any]) -> list[str]:
    """The tensors of a state dict, by the bare model's own names, that have another shape here."""
    return [
        f"{name} is {tuple(value.shape)} there and {tuple(own.shape)} here"
        for name, own in bare(model).state_dict().items()
        if isinstance(value := state.get(name), Tensor)
        and isinstance(own, Tensor)
        and not is_lazy(own)
        and value.shape != own.shape
    ]


def open_to_copies(model: nn.Module) -> None:
    """Have every buffer lie where it can be written: one made by `expand` has one number in the place of many."""
    for module in model.modules():
        for name, value in module._buffers.items():
            if type(value) is Tensor and value.layout is torch.strided and _is_expanded(value):
                module._buffers[name] = value.contiguous()


def _is_expanded(value: Tensor) -> bool:
    return any(not step and size > 1 for step, size in zip(value.stride(), value.shape, strict=True))
