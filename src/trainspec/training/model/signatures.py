"""What functions take, so that overrides with older signatures keep working."""

from __future__ import annotations

import inspect
from functools import lru_cache, partial
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable


def takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function can be given a keyword argument of that name."""
    known = _taken(_written(function))
    return known is None or name in known


def _written(function: Callable[..., Any]) -> Callable[..., Any]:
    """What the author wrote: of a method its function, of an object that can be called its class's, which both stay."""
    method: Callable[..., Any] | None = getattr(function, "__func__", None)
    if method is not None:
        return method
    if isinstance(function, nn.Module):
        return type(function).forward
    known = (FunctionType, BuiltinFunctionType, partial, type)
    return function if isinstance(function, known) else type(function).__call__


def first_name(function: Callable[..., Any]) -> str | None:
    """What a function calls its first argument; None where that is not known."""
    written = _written(function)
    try:
        names = list(inspect.signature(written).parameters)
    except ValueError:  # of C's functions many have none
        return None
    return next(iter(names[0 if written is function else 1 :]), None)


def supported(function: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """Those of the keyword arguments that the function takes."""
    return {name: value for name, value in arguments.items() if takes(function, name)}


# Functions, never bound methods: a cache must not keep models alive.
@lru_cache(maxsize=256)
def _taken(function: Callable[..., Any]) -> frozenset[str] | None:
    """Names that can be given by keyword; None: any."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # of C's functions many have none
        return frozenset()
    if any(entry.kind is inspect.Parameter.VAR_KEYWORD for entry in parameters):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
    return frozenset(entry.name for entry in parameters if entry.kind not in positional)
