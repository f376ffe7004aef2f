"""JSON as the catalogue's formatter leaves it: a key a line, short lists on one, what refers to the outside first."""

from __future__ import annotations

import json
import re
from typing import Any

_WIDEST = 80
_FIRST = {"$schema": 0, "$id": 1, "$comment": 2, "$ref": 3}
_LAST = {"if": 6, "then": 7, "else": 8}


def in_order(value: Any) -> Any:
    """A schema with its keys in the catalogue's order; what has no place of its own stays where it is."""
    if isinstance(value, list):
        return [in_order(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: in_order(value[key]) for key in sorted(value, key=_place)}


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
        flat = _flat(value)
        if flat and column + len(flat) < _WIDEST:
            return flat
        lines = [inner + _text(item, indent + 2, indent + 2) for item in value]
        return "[\n" + ",\n".join(lines) + f"\n{' ' * indent}]"
    return _plain(value)


def _plain(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # An exponent as it is written by hand: 5e-05 is 5e-5.
    return re.sub(r"e([+-])0+(?=\d)", r"e\1", text) if isinstance(value, float) else text


def _flat(value: Any) -> str:
    """A list on one line; "" where something in it asks for lines of its own, as a table does."""
    if not isinstance(value, list):
        return _plain(value) if value == {} or not isinstance(value, dict) else ""
    is_table = len(value) > 1 and all(isinstance(item, list) and len(item) > 1 for item in value)
    parts = ["" if is_table else _flat(item) for item in value]
    return f"[{', '.join(parts)}]" if all(parts) else ""
