"""Whether files that settings name are within reach: a service judges documents of others, and opens none for them."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_out_of_reach: ContextVar[bool] = ContextVar("files are out of reach", default=False)


def documents_alone(function: Callable[..., T], *given: Any) -> T:
    """What a function gives to which a file or URL that a document names is one that is not there: nothing of this
    machine or its network is read, nor can an answer tell whether it could be.
    """
    token = _out_of_reach.set(True)
    try:
        return function(*given)
    finally:
        _out_of_reach.reset(token)


def out_of_reach() -> bool:
    """Whether documents are judged alone."""
    return _out_of_reach.get()
