"""What holds other values, whoever wrote its class: mappings, collections, dataclasses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence, Set
from typing import Any, TypeGuard


def is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    """Whether a value is a mapping of keys to values."""
    return isinstance(value, Mapping)


def is_collection(value: Any) -> TypeGuard[Sequence[Any] | Set[Any]]:
    """Whether a value holds others one after the other. Texts, bytes and ranges hold nothing but themselves."""
    if isinstance(value, list | tuple | set | frozenset):
        return True
    return isinstance(value, Sequence | Set) and not isinstance(value, str | bytes | bytearray | memoryview | range)


def is_dataclass(value: Any) -> bool:
    """Whether a value is an instance of a dataclass."""
    return dataclasses.is_dataclass(value) and not isinstance(value, type)
