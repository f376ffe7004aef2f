"""State dicts that hold everything, so that a resumed run goes on bit for bit.

Each function here attaches hooks of torch's to one optimizer: what a library keeps elsewhere, or as objects, is put
into the saved state as tensors and numbers, and taken out of it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

Packed = dict[str, Any]


def keep_state_formats(optimizer: Optimizer) -> None:
    """Loaded state keeps the number format it was saved in; torch would round it to that of the parameter."""
    saved: list[Packed] = []
    optimizer.register_load_state_dict_pre_hook(lambda _, state_dict: saved.append(state_dict))

    def restore(optimizer: Optimizer) -> None:
        for parameter, values in _by_parameter(optimizer, saved.pop()):
            optimizer.state[parameter] = _in_saved_format(optimizer.state[parameter], values)

    optimizer.register_load_state_dict_post_hook(restore)


def load_exactly(optimizer: Any, state: Packed) -> None:
    """Load a state dict; what has a parameter's shape lies in memory as the parameter does.

    Kernels of torch go through both as they lie. What is read from a file lies row by row, and a parameter need not:
    the `channels_last` of a convolution, or one made of a transposed tensor.
    """
    optimizer.load_state_dict(state)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            values = optimizer.state.get(parameter)
            if values and type(parameter) in (Tensor, torch.nn.Parameter) and not parameter.is_contiguous():
                optimizer.state[parameter] = _laid_out_as(parameter, values)


def _laid_out_as(parameter: Tensor, value: Any) -> Any:
    if isinstance(value, dict):
        # In place: some libraries keep the mapping elsewhere, too.
        value.update({name: _laid_out_as(parameter, entry) for name, entry in value.items()})
        return value
    if isinstance(value, list):
        return [_laid_out_as(parameter, entry) for entry in value]
    if type(value) is not Tensor or value.shape != parameter.shape or value.stride() == parameter.stride():
        return value
    return torch.empty_like(parameter, dtype=value.dtype, device=value.device).copy_(value)


def pack_state(
    optimizer: Optimizer,
    name: str,
    pack: Callable[[Any], Packed],
    unpack: Callable[[Packed, dict[str, Any], dict[str, Any]], Any],
) -> None:
    """Objects under `name` in a parameter's state are saved as what `pack` makes of them.

    `unpack` is given that, the parameter's state and its group. Neither may use text: torch takes it apart.
    """

    def save(_: Optimizer, state_dict: Packed) -> Packed:
        state = {
            index: {**values, name: pack(values[name])} if name in values else values
            for index, values in state_dict["state"].items()
        }
        return {**state_dict, "state": state}

    def restore(optimizer: Optimizer) -> None:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                state = optimizer.state.get(parameter, {})
                if name in state:
                    state[name] = unpack(state[name], state, group)

    optimizer.register_state_dict_post_hook(save)
    optimizer.register_load_state_dict_post_hook(restore)


def keep_state_of_groups(optimizer: Optimizer, key: str) -> None:
    """State that a library keeps in each group under `key`, by parameter, is saved where torch keeps it.

    It stays on the CPU, where the library wants it.
    """

    def save(optimizer: Optimizer, state_dict: Packed) -> Packed:
        numbers = {id(value): number for number, value in enumerate(_parameters(optimizer))}
        state = {
            numbers[id(parameter)]: dict(values)
            for group in optimizer.param_groups
            for parameter, values in group.get(key, {}).items()
        }
        groups = [{name: value for name, value in group.items() if name != key} for group in state_dict["param_groups"]]
        return {"state": state, "param_groups": groups}

    def restore(optimizer: Optimizer) -> None:
        for group in optimizer.param_groups:
            loaded = {value: optimizer.state.pop(value) for value in group["params"] if value in optimizer.state}
            group[key] = {parameter: _on_cpu(values) for parameter, values in loaded.items()}

    optimizer.register_state_dict_post_hook(save)
    optimizer.register_load_state_dict_post_hook(restore)


def _in_saved_format(loaded: Any, saved: Any) -> Any:
    if isinstance(saved, Tensor):
        return loaded if loaded.dtype == saved.dtype else saved.to(device=loaded.device, copy=True)
    if isinstance(saved, dict):
        return {name: _in_saved_format(loaded[name], value) for name, value in saved.items()}
    if isinstance(saved, list):
        return [_in_saved_format(*pair) for pair in zip(loaded, saved, strict=True)]
    return loaded


def _on_cpu(values: Packed) -> Packed:
    return {name: value.cpu() if isinstance(value, Tensor) else value for name, value in values.items()}


def _parameters(optimizer: Optimizer) -> Iterator[torch.nn.Parameter]:
    return (parameter for group in optimizer.param_groups for parameter in group["params"])


def _by_parameter(optimizer: Optimizer, state_dict: Packed) -> Iterator[tuple[Tensor, Packed]]:
    numbers = (number for group in state_dict["param_groups"] for number in group["params"])
    for number, parameter in zip(numbers, _parameters(optimizer), strict=True):
        if number in state_dict["state"]:
            yield parameter, state_dict["state"][number]
