"""Schemas put together so that nothing is said twice, and nothing that can never be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Schema = dict[str, Any]

NEVER: Schema = {"not": {}}
_NOT_NULL: Schema = {"not": {"type": "null"}}


def any_of(ways: Iterable[Schema]) -> Schema:
    """What one of the ways takes."""
    kept = [way for way in _flat(ways, "anyOf") if way != NEVER]
    return NEVER if not kept else kept[0] if len(kept) == 1 else {"anyOf": kept}


def all_of(parts: Iterable[Schema]) -> Schema:
    """What every part takes; of no part, all there is."""
    kept = [part for part in _flat(parts, "allOf") if part]
    if NEVER in kept:
        return NEVER
    if any(map(_is_never_null, kept)):
        kept = [part for part in kept if part != _NOT_NULL]
    return {} if not kept else kept[0] if len(kept) == 1 else {"allOf": kept}


def present(name: str, value: Schema) -> Schema:
    """Documents in which the name stands, with such a value."""
    return NEVER if value == NEVER else {"type": "object", "properties": {name: value}, "required": [name]}


def absent(names: Iterable[str]) -> Schema:
    """Documents in which none of the names stands."""
    return {"not": any_of(present(name, {}) for name in names)}


def _flat(parts: Iterable[Schema], word: str) -> list[Schema]:
    found: list[Schema] = []
    for part in parts:
        inner = part[word] if part.keys() == {word} else [part]
        found += [one for one in inner if one not in found]
    return found


def _is_never_null(part: Schema) -> bool:
    if "enum" in part:
        return None not in part["enum"]
    return "const" in part or part.get("type", "null") != "null"
