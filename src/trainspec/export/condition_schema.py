"""Conditions of rules as JSON Schema: the same predicate that judges settings, said in the schema's words.

An absent key counts as its default, an old name as the setting it became, a retired value as the one it became.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from trainspec.settings.base import Settings
from trainspec.settings.coercion import section_kinds
from trainspec.settings.kinds import Kind
from trainspec.settings.renames import NOTHING, RENAMED, RETIRED_VALUES, Inexpressible, Renamed
from trainspec.settings.rules.conditions import (
    Above,
    AllOf,
    AnyOf,
    Below,
    Equals,
    HasKey,
    Includes,
    IsSet,
    IsTruthy,
    Not,
    OfOneField,
    OneOf,
    Predicate,
    Said,
)
from trainspec.settings.sections.fsdp import OLD_PREFIX

Schema = dict[str, Any]

SWITCHES: tuple[Any, ...] = (True, False, None, "", [])
_EMPTY: list[Any] = [None, False, 0, "", [], {}]
_SAYS_NOTHING: list[Any] = [None, False, "", [], {}]
NEVER: Schema = {"not": {}}


@dataclass(frozen=True)
class Alias:
    """An old name under which a setting may stand in a document."""

    name: str
    renamed: Renamed


class ConditionSchemas:
    """Renders conditions on the documents of one settings class."""

    def __init__(self, model: type[Settings]) -> None:
        self._kinds = model.field_kinds()
        self._defaults = {
            name: info.get_default(call_default_factory=True) for name, info in model.__pydantic_fields__.items()
        }
        self._aliases: dict[str, list[Alias]] = {}
        for old, renamed in RENAMED.items():
            if renamed.successor.partition(".")[0] in self._kinds:
                self._aliases.setdefault(renamed.successor, []).append(Alias(old, renamed))

    def render(self, condition: Predicate) -> Schema:
        """A schema that a document satisfies exactly where the condition holds."""
        if isinstance(condition, AllOf):
            return {"allOf": [self.render(part) for part in condition.parts]}
        if isinstance(condition, AnyOf):
            return {"anyOf": [self.render(part) for part in condition.parts]}
        if isinstance(condition, Not):
            return {"not": self.render(condition.inner)}
        if isinstance(condition, OfOneField):
            return self._on_field(condition)
        raise TypeError(f"no schema can say {condition!r}")

    def _on_field(self, condition: OfOneField) -> Schema:
        name, *inner = condition.field.split(".")
        kind = self._kinds[name]
        if inner:
            value, default = _nested(condition, kind, inner), condition.holds_for(None)
        else:
            value = _value_schema(condition, kind, RETIRED_VALUES.get(name, {}))
            default = not isinstance(condition, Said) and condition.holds_for(self._defaults[name])
            value = _with_null(value, default) if null_says_nothing(name) else value
        aliases = self._aliases.get(condition.field, [])
        leaf = _value_schema(condition, _leaf_kind(kind, inner), {}) if inner else value
        ways = [_present(name, value)]
        ways += [_present(alias.name, _alias_schema(condition, alias, leaf, default)) for alias in aliases]
        absent = _absent([name, *(alias.name for alias in aliases)])
        if default:
            ways.append(absent)
        return ways[0] if len(ways) == 1 else {"anyOf": ways}


def _leaf_kind(kind: Kind, path: list[str]) -> Kind:
    for key in path:
        kind = section_kinds(kind.section)[key] if kind.section is not None else kind
    return kind


def null_says_nothing(name: str) -> bool:
    """Whether dumps of other years hold a null for this setting that means it was not set."""
    retired = RETIRED_VALUES.get(name, {}).get(None)
    return retired is not None and retired.becomes is NOTHING


def _with_null(value: Schema, default: bool) -> Schema:
    """The values, and null where the default holds, since null leaves the default."""
    null: Schema = {"type": "null"}
    return {"anyOf": [value, null]} if default else {"allOf": [value, {"not": null}]}


def _present(name: str, value: Schema) -> Schema:
    return {"type": "object", "properties": {name: value}, "required": [name]}


def _absent(names: list[str]) -> Schema:
    present = [{"type": "object", "properties": {name: {}}, "required": [name]} for name in names]
    return {"not": present[0] if len(present) == 1 else {"anyOf": present}}


def _alias_schema(condition: OfOneField, alias: Alias, value: Schema, default: bool) -> Schema:
    """The values of an old name under which the condition holds; what says nothing leaves the default."""
    if alias.renamed.convert is None:
        return _with_null(value, default)
    holding = [switch for switch in SWITCHES if _holds_converted(condition, alias.renamed, switch, default)]
    return {"enum": holding} if holding else NEVER


def _holds_converted(condition: OfOneField, renamed: Renamed, switch: Any, default: bool) -> bool:
    try:
        converted = renamed.convert(switch) if renamed.convert is not None else switch
    except Inexpressible:
        return False
    return default if converted is NOTHING or converted is None else condition.holds_for(converted)


def _nested(condition: OfOneField, kind: Kind, path: list[str]) -> Schema:
    """A key inside a section; where the section is absent or only named by a path, the key reads as null."""
    if kind.section is None:
        return {} if condition.holds_for(None) else NEVER
    inside = _inside(condition, kind.section, path)
    if not condition.holds_for(None):
        return inside
    return {"anyOf": [inside, {"not": {"type": "object"}}]}


def _inside(condition: OfOneField, section: type[BaseModel], path: list[str]) -> Schema:
    name, *inner = path
    kind, info = section_kinds(section)[name], section.model_fields[name]
    value = _nested(condition, kind, inner) if inner else _value_schema(condition, kind, {})
    default = info.get_default(call_default_factory=True)
    names = [name, *old_keys(section, name)]
    ways = [_present(spelled, value) for spelled in names]
    if condition.holds_for(default if not inner else None):
        ways.append({"type": "object", **_absent(names)})
    return ways[0] if len(ways) == 1 else {"anyOf": ways}


def old_keys(section: type[BaseModel], name: str) -> list[str]:
    """The old spellings of a section's key."""
    return [OLD_PREFIX + name] if section.__name__ == "FSDPConfig" else []


def _value_schema(condition: OfOneField, kind: Kind, retired: Mapping[Any, Any]) -> Schema:
    """The values of the setting for which the condition holds."""
    if kind.choices and not (kind.text or kind.items or kind.integer or kind.number):
        return _among_choices(condition, kind, retired)
    if isinstance(condition, Includes):
        old = [said for said, value in retired.items() if value.becomes == condition.option]
        return {"anyOf": [_includes(str(option)) for option in (condition.option, *old)]}
    return _of_any_value(condition, kind)


def _among_choices(condition: OfOneField, kind: Kind, retired: Mapping[Any, Any]) -> Schema:
    became = {old: value.becomes for old, value in retired.items() if isinstance(value.becomes, str)}
    candidates = {choice: choice for choice in kind.choices} | became
    extra: list[Any] = [None] if kind.null else []
    extra += [True, False] if kind.boolean else []
    holding = [said for said, meant in candidates.items() if condition.holds_for(meant)]
    holding += [value for value in extra if condition.holds_for(value)]
    return {"enum": holding} if holding else NEVER


def _of_any_value(condition: OfOneField, kind: Kind) -> Schema:
    match condition:
        case Equals():
            return {"const": condition.to}
        case OneOf():
            return {"enum": list(condition.of)}
        case IsSet():
            return {"not": {"type": "null"}}
        case Said():
            return {"not": {"enum": _empty(_SAYS_NOTHING, kind)}}
        case IsTruthy():
            return {"not": {"enum": _empty(_EMPTY, kind)}}
        case Above():
            return {"type": "number", "exclusiveMinimum": condition.limit}
        case Below():
            return {"type": "number", "exclusiveMaximum": condition.limit}
        case Includes():
            return _includes(str(condition.option))
        case HasKey():
            return _has_key(condition.key)
    raise TypeError(f"no schema can say {condition!r}")


def _empty(values: list[Any], kind: Kind) -> list[Any]:
    """What counts as nothing; a section that is there counts, even without a key."""
    return [value for value in values if value != {} or kind.section is None]


def _includes(option: str) -> Schema:
    word = {"type": "string", "pattern": rf"(^|[\s,]){option}($|[\s,])"}
    return {"anyOf": [word, {"type": "array", "contains": {"const": option}}]}


def _has_key(key: str) -> Schema:
    text = {"type": "string", "pattern": rf"(^|,)\s*{key}\s*(=|,|$)"}
    return {"anyOf": [text, {"type": "object", "properties": {key: {}}, "required": [key]}]}
