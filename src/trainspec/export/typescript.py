"""A TypeScript declaration of the settings document, written from its JSON Schema: what a form or a service takes."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from trainspec.export.json_schema import settings_schema
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.base import Settings
from trainspec.settings.values.choices import Choice

Schema = dict[str, Any]

_WIDTH = 120
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")
_SIMPLE = {"boolean": "boolean", "integer": "number", "number": "number", "string": "string", "null": "null"}
_HEAD = """\
// The settings of a training run, for TypeScript. Generated; do not edit.
// Types say what one setting may be; what several may be together, trainspec validate and the JSON Schema judge."""


def render(model: type[Settings] = TrainingArguments) -> str:
    """The text of the declaration: a type for each enum, an interface for each section, one for the document."""
    schema = settings_schema(model, draft="2020-12")
    types = _Types()
    interfaces = [line for name, section in schema["$defs"].items() for line in _interface(name, section, types)]
    interfaces += _interface(model.__name__, schema, types)
    return "\n".join([_HEAD, *types.declarations(), *interfaces]) + "\n"


class _Types:
    """Schemas as types; the enums that they use are collected, to be declared by name."""

    def __init__(self) -> None:
        self._enums = {tuple(str(member.value) for member in enum): enum for enum in Choice.__subclasses__()}
        self._used: dict[str, Schema] = {}

    def declarations(self) -> Iterator[str]:
        for name, schema in sorted(self._used.items()):
            yield from ("", f"export type {name} =")
            current = [choice for choice in schema["oneOf"] if not choice.get("deprecated")]
            for choice in current:
                yield from _comment([choice["description"]], "  ")
                yield f"  | {json.dumps(choice['const'])}{';' * (choice is current[-1])}"

    def of(self, schema: Schema) -> list[str]:
        """The members of the union that takes what the schema takes."""
        if "$ref" in schema:
            return [schema["$ref"].rpartition("/")[2]]
        for key in ("anyOf", "allOf"):
            if key in schema:
                return list(dict.fromkeys(member for item in schema[key] for member in self.of(item)))
        if "oneOf" in schema:
            return self._choices(schema)
        if "const" in schema or "enum" in schema:
            values = schema.get("enum", [schema.get("const")])
            return list(dict.fromkeys("[]" if value == [] else json.dumps(value) for value in values))
        return [self._of_type(schema)]

    def _choices(self, schema: Schema) -> list[str]:
        """The enum by its name, then the old values that are still taken."""
        current = tuple(str(choice["const"]) for choice in schema["oneOf"] if not choice.get("deprecated"))
        enum = self._enums.get(current)
        if enum is None:
            return [json.dumps(choice["const"]) for choice in schema["oneOf"]]
        self._used.setdefault(enum.__name__, schema)
        return [enum.__name__, *(json.dumps(choice["const"]) for choice in schema["oneOf"] if choice.get("deprecated"))]

    def _of_type(self, schema: Schema) -> str:
        kind = schema.get("type")
        if kind == "array":
            return f"Array<{self.union(schema.get('items', {}))}>"
        if kind == "object":
            values = schema.get("additionalProperties", True)
            return f"Record<string, {'unknown' if values is True else self.union(values)}>"
        return _SIMPLE.get(str(kind), "unknown")

    def union(self, schema: Schema) -> str:
        return " | ".join(self.of(schema))


def _interface(name: str, schema: Schema, types: _Types) -> Iterator[str]:
    yield ""
    yield from _comment([schema["description"]], "")
    yield f"export interface {name} {{"
    required = schema.get("required", ())
    for key, value in schema["properties"].items():
        yield from _comment(_facts(value), "  ")
        spelled = key if _IDENTIFIER.fullmatch(key) else json.dumps(key)
        yield from _property(f"  {spelled}{'' if key in required else '?'}:", types.of(value))
    yield "}"


def _property(head: str, members: list[str]) -> Iterator[str]:
    one = f"{head} {' | '.join(members)};"
    if len(one) <= _WIDTH:
        yield one
        return
    yield head
    yield from (f"    | {member}" for member in members[:-1])
    yield f"    | {members[-1]};"


def _facts(schema: Schema) -> list[str]:
    """What an editor shows: the description, bounds, default, example, and whether the name is old."""
    bounds = [f"{sign} {value}" for member in _members(schema) for sign, value in _bounds(member)]
    facts = [schema["description"]]
    facts += [f"Bounds: {', '.join(dict.fromkeys(bounds))}."] if bounds else []
    facts += [f"@default {_shown(schema['default'])}"] if schema.get("default") is not None else []
    facts += [f"@example {_shown(schema['examples'][0])}"] if schema.get("examples") else []
    facts += [f"@deprecated {schema['description']}"] if schema.get("deprecated") else []
    return facts[1:] if schema.get("deprecated") else facts


def _members(schema: Schema) -> Iterator[Schema]:
    yield schema
    for member in schema.get("anyOf", []):
        yield from _members(member)


def _bounds(schema: Schema) -> Iterator[tuple[str, Any]]:
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    return ((sign, schema[word]) for word, sign in signs.items() if word in schema)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _comment(facts: list[str], indent: str) -> Iterator[str]:
    """A documentation comment, on one line where it fits."""
    lines = [line for fact in facts for line in textwrap.wrap(fact.replace("*/", "* /"), _WIDTH - len(indent) - 3)]
    one = f"{indent}/** {lines[0]} */"
    if len(lines) == 1 and len(one) <= _WIDTH:
        yield one
        return
    yield f"{indent}/**"
    yield from (f"{indent} * {line}" for line in lines)
    yield f"{indent} */"
