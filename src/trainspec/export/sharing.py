"""A schema with what it says more than once said once, and its text with an entry a line."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

# A shorter part would hardly be shorter as a reference.
SHORTEST = 160
_FOR_PEOPLE = frozenset({"title", "description", "default", "$comment", "errorMessage"})


def shared(schema: dict[str, Any], definitions: str) -> dict[str, Any]:
    """The schema with the conditions that stand in several of its rules as definitions, under the key of that name.

    Rules alone are gone through: what editors show of a setting stands where the setting does.
    """
    rules = schema.get("allOf", [])
    counted: Counter[str] = Counter()
    for rule in rules:
        _count(rule, counted)
    often = {text for text, times in counted.items() if times > 1}
    names: dict[str, str] = {}
    made: dict[str, Any] = {}

    def with_references(part: Any) -> Any:
        if isinstance(part, list):
            return [with_references(item) for item in part]
        if not isinstance(part, dict):
            return part
        text = _compact(part)
        if text not in often:
            return {key: with_references(value) for key, value in part.items()}
        if text not in names:
            name = names[text] = f"condition-{len(names) + 1}"
            made[name] = {key: with_references(value) for key, value in part.items()}
        return {"$ref": f"#/{definitions}/{names[text]}"}

    return (
        {**schema, "allOf": with_references(rules), definitions: {**schema[definitions], **made}} if rules else schema
    )


def _count(part: Any, counted: Counter[str]) -> None:
    if isinstance(part, list):
        for item in part:
            _count(item, counted)
    elif isinstance(part, dict):
        # The keys of `properties` are no keywords, so a part that could be a mapping of them is left alone.
        text = _compact(part)
        if len(text) >= SHORTEST and _is_condition(part):
            counted[text] += 1
            if counted[text] > 1:
                return
        for value in part.values():
            _count(value, counted)


def _is_condition(part: dict[str, Any]) -> bool:
    return bool({"type", "anyOf", "allOf", "not", "enum"} & part.keys()) and not _FOR_PEOPLE & part.keys()


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ": "))


def published(schema: dict[str, Any]) -> str:
    """JSON text with a line for every setting, definition and rule, so that a change shows where it is."""
    lines = []
    for key, value in schema.items():
        if isinstance(value, dict) and key in ("properties", "definitions", "$defs"):
            inner = ",\n".join(f"  {json.dumps(name)}: {_compact(item)}" for name, item in value.items())
            lines.append(f" {json.dumps(key)}: {{\n{inner}\n }}")
        elif isinstance(value, list) and key == "allOf":
            inner = ",\n".join(f"  {_compact(item)}" for item in value)
            lines.append(f" {json.dumps(key)}: [\n{inner}\n ]")
        else:
            lines.append(f" {json.dumps(key)}: {_compact(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
