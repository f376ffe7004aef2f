"""Values as Python writes them, without what nobody may see: what `repr` of settings shows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from enum import Enum
from typing import Any

from pydantic import BaseModel

from trainspec.text.containers import is_collection, is_dataclass, is_mapping
from trainspec.text.redaction import HIDDEN, is_secret_name, redact_url


class Represented(str):
    """A text that is the representation of a value already."""

    __slots__ = ()
    __repr__ = str.__str__


def represented(name: str, value: Any) -> Represented:
    """The value as Python writes it, a choice as its text, without what provenance hides."""
    if isinstance(value, Enum):
        value = value.value
    if value is not None and is_secret_name(name):
        text = repr(HIDDEN)
    elif isinstance(value, str):
        text = repr(redact_url(str(value)))
    elif is_mapping(value):
        pairs = (f"{represented('', key)}: {represented(str(key), item)}" for key, item in value.items())
        text = f"{{{', '.join(pairs)}}}"
        text = text if type(value) is dict else f"{type(value).__name__}({text})"
    elif is_collection(value) and not hasattr(value, "_fields"):
        text = _represented_items(value)
    elif getattr(type(value), "__repr__", None) is BaseModel.__repr__ or is_dataclass(value):
        text = f"{type(value).__name__}({', '.join(_represented_fields(value))})"
    else:
        text = redact_url(_safe_repr(value))
    return Represented(text)


def _represented_items(value: Any) -> str:
    items = ", ".join(represented("", item) for item in value)
    if isinstance(value, tuple):
        return f"({items},)" if len(value) == 1 else f"({items})"
    if type(value) is list:
        return f"[{items}]"
    if not items:
        return f"{type(value).__name__}()"
    return f"{{{items}}}" if type(value) is set else f"{type(value).__name__}([{items}])"


def _represented_fields(value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        pairs = [(name or "", item) for name, item in value.__repr_args__()]
    else:
        pairs = [(one.name, getattr(value, one.name)) for one in dataclasses.fields(value) if one.repr]
    for name, item in pairs:
        yield f"{name}={represented(name, item)}" if name else represented("", item)


def _safe_repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # whatever an object's own repr raises
        return f"<{type(value).__name__}>"
