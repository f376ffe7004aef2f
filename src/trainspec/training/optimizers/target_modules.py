"""Which Linear modules `optim_target_modules` means."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from torch import nn

ALL_LINEAR = ("all-linear", "all_linear")


def linear_layers(model: nn.Module) -> dict[str, nn.Linear]:
    """The modules that can be chosen, by name: Linear ones with a weight to train."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.weight.requires_grad
    }


def target_layers(model: nn.Module, wanted: str | Sequence[str]) -> dict[str, nn.Linear]:
    """The chosen of `linear_layers`, in the model's order.

    A text is "all-linear", or a regular expression that matches a whole name. An entry of a list is found anywhere in
    a name, or is a regular expression that matches all of it. Raises re.error for a text that is no expression.
    """
    if isinstance(wanted, str):
        chosen: Callable[[str], bool] = _by_expression(wanted)
    else:
        tests = [finder(entry) for entry in wanted]
        chosen = lambda name: any(test(name) for test in tests)  # noqa: E731
    return {name: layer for name, layer in linear_layers(model).items() if chosen(name)}


def finder(entry: str) -> Callable[[str], bool]:
    """Whether a name is one that an entry of a list means."""
    expression = _compiled(entry)
    return lambda name: entry in name or (expression is not None and expression.fullmatch(name) is not None)


def _by_expression(text: str) -> Callable[[str], bool]:
    if text in ALL_LINEAR:
        return lambda name: True
    expression = re.compile(text)
    return lambda name: expression.fullmatch(name) is not None


def _compiled(text: str) -> re.Pattern[str] | None:
    # A part of a name need not be an expression.
    try:
        return re.compile(text)
    except re.error:
        return None
