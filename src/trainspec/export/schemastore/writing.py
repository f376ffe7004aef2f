"""JSON as the catalogue's formatter leaves it: a key a line, short lists on one, what refers to the outside first."""

from __future__ import annotations

import json
from typing import Any

_WIDEST = 80
_FIRST = {"$schema": 0, "$id": 1, "$comment": 2, "$ref": 3}
_LAST = {"if": 6, "then": 7, "else": 8}
# What stands under these is named by people: an `if` among them is a name.
_NAMES = frozenset({"properties", "patternProperties", "definitions", "dependencies"})


def in_order(value: Any, *, names: bool = False) -> Any:
    """A schema with its keys in the catalogue's order; what has no place of its own stays where it is."""
    if isinstance(value, list):
        return [in_order(item) for item in value]
    if not isinstance(value, dict):
        return value
    keys = sorted(value, key=_place)
    return {key: in_order(value[key], names=key in _NAMES and not names) for key in keys}


def _place(key: str) -> int:
    return _FIRST.get(key, _LAST.get(key, 4 if key.startswith("$") else 5))


def written(value: Any) -> str:
    """The value as text, with a line break at its end."""
    return _text(value, 0, 0) + "\n"


def _text(value: Any, indent: int, column: int) -> str:
    """The value at this indentation; `column` is where it begins, with room for a comma behind it."""
    inner = " " * (indent + 2)
    if isinstance(value, dict) and value:
        lines = []
        for key, item in value.items():
            head = f"{inner}{json.dumps(key, ensure_ascii=False)}: "
            lines.append(head + _text(item, indent + 2, len(head)))
        return "{\n" + ",\n".join(lines) + f"\n{' ' * indent}}}"
    if isinstance(value, list) and value:
        flat = f"[{', '.join(_plain(item) for item in value)}]" if _is_flat(value) else ""
        if flat and column + len(flat) < _WIDEST:
            return flat
        lines = [inner + _text(item, indent + 2, indent + 2) for item in value]
        return "[\n" + ",\n".join(lines) + f"\n{' ' * indent}]"
    return _plain(value)


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _is_flat(items: list[Any]) -> bool:
    """Whether nothing in it asks for lines of its own."""
    return not any(isinstance(item, dict | list) and item for item in items)
