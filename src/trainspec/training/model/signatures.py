"""What functions take, so that overrides with older signatures keep working."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function can be given a keyword argument of that name."""
    known = _taken(getattr(function, "__func__", function))
    return known is None or name in known


def supported(function: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """Those of the keyword arguments that the function takes."""
    return {name: value for name, value in arguments.items() if takes(function, name)}


# Functions, never bound methods: a cache must not keep models alive.
@lru_cache(maxsize=256)
def _taken(function: Callable[..., Any]) -> frozenset[str] | None:
    """Names that can be given by keyword; None: any."""
    parameters = inspect.signature(function).parameters.values()
    if any(entry.kind is inspect.Parameter.VAR_KEYWORD for entry in parameters):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
    return frozenset(entry.name for entry in parameters if entry.kind not in positional)
