"""What is under the wrappers that people and libraries put around a model, and what it says of itself."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from trainspec.training.model.names import bare


def base_of(model: nn.Module) -> nn.Module:
    """The module whose forward the user wrote: under torch's own wrappers and PEFT's."""
    inner = bare(model)
    get_base_model = getattr(inner, "get_base_model", None)
    base = get_base_model() if callable(get_base_model) else inner
    return base if isinstance(base, nn.Module) else inner


def main_input_name(model: nn.Module) -> str | None:
    """The batch key that holds what the model reads, where the model names it or is from transformers."""
    base = base_of(model)
    name = getattr(base, "main_input_name", None)
    if isinstance(name, str):
        return name
    return "input_ids" if "input_ids" in inspect.signature(base.forward).parameters else None


def keys_ignored_at_inference(model: nn.Module) -> list[str]:
    """What of its outputs a model of transformers declares to be no prediction."""
    return list(getattr(getattr(base_of(model), "config", None), "keys_to_ignore_at_inference", None) or [])


def shifts_labels(model: nn.Module) -> bool:
    """Whether the loss is taken at every place but the first of a row, against the label one place on.

    A module of your own says so with an attribute `shifts_labels = True`.
    """
    base = base_of(model)
    said = getattr(base, "shifts_labels", None)
    if said is not None:
        return bool(said)
    return hasattr(base, "config") and any(part in type(base).__name__ for part in ("CausalLM", "LMHead"))


def takes_item_count(model: nn.Module) -> bool:
    """Whether forward takes `num_items_in_batch`, to divide a summed loss by it."""
    base = base_of(model)
    said: Any = getattr(base, "accepts_loss_kwargs", None)
    if said is not None:
        return bool(said)
    taken = _parameters(base.forward)
    if "num_items_in_batch" in taken:
        return True
    # Any keyword is a promise in transformers; elsewhere it may be passed on to something that takes none.
    return hasattr(base, "config") and any(e.kind is inspect.Parameter.VAR_KEYWORD for e in taken.values())


def _parameters(method: Any) -> Mapping[str, inspect.Parameter]:
    """Of a method, kept by its function: to find them takes longer than a small layer, and is asked in every step."""
    function = getattr(method, "__func__", None)
    if function is None:
        return inspect.signature(method).parameters
    if function not in _known_parameters:
        _known_parameters[function] = inspect.signature(method).parameters
    return _known_parameters[function]


_known_parameters: WeakKeyDictionary[Any, Mapping[str, inspect.Parameter]] = WeakKeyDictionary()


def forgets_the_loss(model: nn.Module) -> bool:
    """Whether forward, as it is written, seems to return scores by name and no loss. It may be wrong."""
    code = getattr(inspect.unwrap(base_of(model).forward), "__code__", None)
    if code is None:
        return False
    said = [*code.co_names, *code.co_varnames, *(word for const in code.co_consts for word in _words(const))]
    return "logits" in said and not any("loss" in word or "criterion" in word for word in said)


def _words(constant: Any) -> list[str]:
    if isinstance(constant, tuple):
        return [word for entry in constant for word in _words(entry)]
    return [constant] if isinstance(constant, str) else []


def positional_inputs(model: nn.Module) -> int:
    """How many inputs forward takes by their places."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken = inspect.signature(base_of(model).forward).parameters.values()
    if any(entry.kind is inspect.Parameter.VAR_POSITIONAL for entry in taken):
        return sys.maxsize
    return sum(entry.kind in kinds for entry in taken)


def unwrap(model: nn.Module) -> nn.Module:
    """The module inside a compiled one, whose weights have their own names; any other module is returned as it is."""
    # Asking for the type would import the compiler, which takes longer than most first steps.
    while isinstance(inner := model._modules.get("_orig_mod"), nn.Module):
        model = inner
    return model
