"""Which methods of a Trainer are somebody's own: of a subclass, or assigned to the class or to the object."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Every method of our Trainers as it was when their class was made, whatever is assigned to that later.
_ORIGINAL: dict[str, dict[int, Any]] = {}


def remember(kind: type) -> None:
    """Take down the methods of a Trainer of ours, once."""
    seen: set[str] = set()
    for base in kind.__mro__[:-1]:
        for name in vars(base).keys() - seen:
            # What stands behind another one of ours is not reached.
            seen.add(name)
            method = _plain(vars(base)[name])
            _ORIGINAL.setdefault(name, {})[id(method)] = method


def is_overridden(trainer: object, name: str) -> bool:
    """Whether a call of that method reaches code of somebody else first."""
    return id(_plain(getattr(trainer, name))) not in _ORIGINAL[name]


def is_assigned(trainer: object, name: str) -> bool:
    """Whether somebody has a method of that name, which may be none of ours."""
    return is_overridden(trainer, name) if name in _ORIGINAL else hasattr(trainer, name)


def call(method: Callable[..., Any], *values: Any) -> Any:
    """Call a method with as many of the values as it takes: signatures have grown from release to release."""
    taken = inspect.signature(method).parameters.values()
    if any(entry.kind is inspect.Parameter.VAR_POSITIONAL for entry in taken):
        return method(*values)
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return method(*values[: sum(entry.kind in positional for entry in taken)])


def _plain(value: Any) -> Any:
    return getattr(value, "__func__", value)
