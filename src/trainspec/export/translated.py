"""A schema in another language: what it says to people, while every name, value and condition stays as it is."""

from __future__ import annotations

from typing import Any

from trainspec.text.languages import Words

_FOR_PEOPLE = frozenset(
    {"title", "description", "markdownDescription", "deprecationMessage", "errorMessage", "$comment"}
)
_BY_NAME = frozenset({"properties", "patternProperties", "definitions", "$defs", "dependentSchemas"})
_VALUES = frozenset({"const", "default", "enum", "examples"})


def translated(schema: dict[str, Any], words: Words) -> dict[str, Any]:
    """The schema with its titles, descriptions and messages in these words."""
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _FOR_PEOPLE and isinstance(value, str):
            found[key] = words(value)
        elif key in _VALUES:
            found[key] = value
        elif key in _BY_NAME and isinstance(value, dict):
            found[key] = {name: _inside(inner, words) for name, inner in value.items()}
        else:
            found[key] = _inside(value, words)
    return found


def _inside(value: Any, words: Words) -> Any:
    if isinstance(value, dict):
        return translated(value, words)
    return [_inside(item, words) for item in value] if isinstance(value, list) else value
