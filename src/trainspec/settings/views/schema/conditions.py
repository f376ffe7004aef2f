"""Conditions of rules as JSON Schema: the same predicate that judges settings, said in the schema's words.

An absent key counts as its default, an old name as the setting it became, a retired value as the one it became.
Where two settings are compared, the schema says what follows while one of them is absent; for the rest it has no words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import Any, TypeGuard

from pydantic import BaseModel

from trainspec.settings.base import Settings
from trainspec.settings.rules.comparisons import OfTwoFields
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
    Matches,
    Not,
    OfOneField,
    OneOf,
    Predicate,
    Said,
)
from trainspec.settings.sources.renames import NOTHING, RENAMED, RETIRED_VALUES, Inexpressible, Renamed
from trainspec.settings.values.coercion import OLD_PREFIX
from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.shape import shape_of
from trainspec.settings.views.schema.combining import NEVER, Schema, absent, all_of, any_of, present
from trainspec.settings.views.schema.entries import entry_schema, text_with_key
from trainspec.settings.views.schema.old_values import among_old_values, old_values
from trainspec.settings.views.schema.text_patterns import JSON_TEXT, exactly

_ANY = Kind()
_EMPTY: list[Any] = [None, False, 0, "", [], {}]
_SAYS_NOTHING: list[Any] = [None, False, "", [], {}]


@dataclass(frozen=True)
class Alias:
    """Another name under which a setting may stand in a document: an old one, or one that its class gives it."""

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
        for spelling, name in shape_of(model).spellings.items():
            self._aliases.setdefault(name, []).append(Alias(spelling, Renamed(name, "")))

    def known(self, condition: Predicate) -> Schema:
        """The same, of documents that say in so many words what the condition asks for: not in a file or in JSON."""
        heads = dict.fromkeys(_looked_into(condition))
        hidden = [self._hidden(head) for head in heads if True in _outcomes(condition, head)]
        return all_of([self.render(condition), *({"not": one} for one in hidden)])

    def _hidden(self, name: str) -> Schema:
        """Documents in which a mapping stands in a text or, where the text may be a path, in a file."""
        return present(name, {"type": "string"} if self._kinds[name].section is not None else JSON_TEXT)

    def render(self, condition: Predicate) -> Schema:
        """A schema that a document satisfies exactly where the condition holds.

        With a comparison in it, one that a document satisfies only where the condition holds, but not wherever.
        """
        match condition:
            case AllOf(parts=parts):
                return all_of([self._compared(part, parts) if _is_two(part) else self.render(part) for part in parts])
            case AnyOf(parts=parts):
                return any_of([self.render(part) for part in parts])
            case Not(inner=inner) if not inner.compares():
                return {"not": self.render(inner)}
            case OfTwoFields():
                return self._compared(condition, ())
            case OfOneField():
                return self._on_field(condition)
        raise TypeError(f"no schema can say {condition!r}")

    def _compared(self, condition: OfTwoFields, beside: tuple[Predicate, ...]) -> Schema:
        """What is wrong with one side while the other is absent, unless the conditions beside want that to be said."""
        ways = []
        if all(self._may_be_absent(name, beside) for name in condition.others):
            defaults = [self._default(name) for name in condition.others]
            stronger = condition.beside(defaults if defaults[1:] else defaults[0])
            ways.append(all_of([*map(self._absence, condition.others), self.render(stronger)]))
        if self._may_be_absent(condition.field, beside):
            stronger = condition.against(self._default(condition.field))
            ways.append(all_of([self._absence(condition.field), self.render(stronger)]))
        return any_of(ways)

    def _may_be_absent(self, name: str, beside: tuple[Predicate, ...]) -> bool:
        """Whether a comparison with its default can hold, and whatever is asked of the setting beside it does."""
        if "." in name:
            return False
        asked = (part for part in beside if isinstance(part, OfOneField) and part.field == name)
        default = self._default(name)
        return default is not None and all(not isinstance(part, Said) and part.holds_for(default) for part in asked)

    def _default(self, name: str) -> Any:
        default = self._defaults[name]
        return default.value if isinstance(default, Enum) else default

    def _absence(self, name: str) -> Schema:
        return absent([name, *(alias.name for alias in self._aliases.get(name, []))])

    def _on_field(self, condition: OfOneField) -> Schema:
        name, *inner = condition.field.split(".")
        kind = self._kinds[name]
        if inner:
            value, default = _nested(condition, kind, inner), condition.holds_for(None)
        else:
            value = _value_schema(condition, kind, RETIRED_VALUES.get(name, {}))
            default = not isinstance(condition, Said) and condition.holds_for(self._defaults[name])
            null = RETIRED_VALUES.get(name, {}).get(None)
            if null is not None and null.becomes is not None and not kind.null:
                value = _with_null(value, default if null.becomes is NOTHING else condition.holds_for(null.becomes))
        aliases = self._aliases.get(condition.field, [])
        leaf = _value_schema(condition, _leaf_kind(kind, inner), {}) if inner else value
        ways = [present(name, value)]
        ways += [present(alias.name, _alias_schema(condition, alias, leaf, default)) for alias in aliases]
        if default:
            ways.append(absent([name, *(alias.name for alias in aliases)]))
        return any_of(ways)


def _is_two(condition: Predicate) -> TypeGuard[OfTwoFields]:
    return isinstance(condition, OfTwoFields)


def _looked_into(condition: Predicate) -> Iterator[str]:
    """The settings of which a condition asks what they hold."""
    match condition:
        case Not(inner=inner):
            yield from _looked_into(inner)
        case AllOf(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from _looked_into(part)
        case HasKey(field=field):
            yield field.partition(".")[0]
        case _:
            yield from (name.partition(".")[0] for name in condition.names() if "." in name)


def _outcomes(condition: Predicate, head: str) -> set[bool]:
    """What the schema may take a condition for while nothing is seen of what `head` holds."""
    match condition:
        case Not(inner=inner):
            return {not outcome for outcome in _outcomes(inner, head)}
        case AllOf(parts=parts) | AnyOf(parts=parts):
            each = [_outcomes(part, head) for part in parts]
            joined = all if isinstance(condition, AllOf) else any
            return {joined(chosen) for chosen in product(*each)}
        case OfTwoFields():
            return {False} if any(_is_inside(name, head) for name in condition.names()) else {True, False}
        case HasKey(field=field) if field == head:
            return {False}
        case OfOneField() if _is_inside(condition.field, head):
            return {condition.holds_for(None)}
    return {True, False}


def _is_inside(name: str, head: str) -> bool:
    return name.startswith(f"{head}.")


def _leaf_kind(kind: Kind, path: list[str]) -> Kind:
    for key in path:
        kind = shape_of(kind.section).kinds[key] if kind.section is not None else kind
    return kind


def _with_null(value: Schema, default: bool) -> Schema:
    """The values, and null where the default holds, since null leaves the default."""
    null: Schema = {"type": "null"}
    return any_of([value, null]) if default else all_of([value, {"not": null}])


def _alias_schema(condition: OfOneField, alias: Alias, value: Schema, default: bool) -> Schema:
    """The values of an old name under which the condition holds; what says nothing leaves the default."""
    if alias.renamed.convert is None:
        return _with_null(value, default)
    holding = [
        switch for switch in old_values(alias.name) if _holds_converted(condition, alias.renamed, switch, default)
    ]
    return among_old_values(alias.name, holding)


def _holds_converted(condition: OfOneField, renamed: Renamed, switch: Any, default: bool) -> bool:
    try:
        converted = renamed.convert(switch) if renamed.convert is not None else switch
    except Inexpressible:
        return False
    return default if converted is NOTHING or converted is None else condition.holds_for(converted)


def _nested(condition: OfOneField, kind: Kind, path: list[str]) -> Schema:
    """A key inside a section; where the section is absent or only named by a path, the key reads as null."""
    if kind.section is None:
        return entry_schema(condition, path[0], _of_any_value(condition, _ANY), is_text=kind.text)
    inside = _inside(condition, kind.section, path)
    if not condition.holds_for(None):
        return inside
    return any_of([inside, {"not": {"type": "object"}}])


def _inside(condition: OfOneField, section: type[BaseModel], path: list[str]) -> Schema:
    name, *inner = path
    kind, info = shape_of(section).kinds[name], section.model_fields[name]
    value = _nested(condition, kind, inner) if inner else _value_schema(condition, kind, {})
    default = info.get_default(call_default_factory=True)
    names = [name, *old_keys(section, name)]
    ways = [present(spelled, value) for spelled in names]
    if condition.holds_for(default if not inner else None):
        ways.append({"type": "object", **absent(names)})
    return any_of(ways)


def old_keys(section: type[BaseModel], name: str) -> list[str]:
    """The old spellings of a section's key."""
    return [OLD_PREFIX + name] if section.__name__ == "FSDPConfig" else []


def _value_schema(condition: OfOneField, kind: Kind, retired: Mapping[Any, Any]) -> Schema:
    """The values of the setting for which the condition holds."""
    if kind.choices and not (kind.text or kind.items or kind.integer or kind.number):
        return _among_choices(condition, kind, retired)
    if isinstance(condition, Includes):
        old = [said for said, value in retired.items() if value.becomes == condition.option and said is not None]
        return any_of(_includes(str(option)) for option in (condition.option, *old))
    return _of_any_value(condition, kind)


_SPELLED = ("true", "false", "True", "False")


def _among_choices(condition: OfOneField, kind: Kind, retired: Mapping[Any, Any]) -> Schema:
    became = {old: value.becomes for old, value in retired.items() if isinstance(value.becomes, str)}
    candidates = {choice: choice for choice in kind.choices} | became
    if kind.boolean:
        # Some keys take a boolean as text, which means what it spells.
        candidates |= {choice: choice.lower() == "true" for choice in kind.choices if choice in _SPELLED}
    extra: list[Any] = [None] if kind.null else []
    extra += [True, False] if kind.boolean else []
    holding = [said for said, meant in candidates.items() if condition.holds_for(meant)]
    holding += [value for value in extra if condition.holds_for(value)]
    return {"enum": holding} if holding else NEVER


def _of_any_value(condition: OfOneField, kind: Kind) -> Schema:
    match condition:
        case Equals():
            return _exactly(condition.to, kind)
        case OneOf():
            return any_of([_exactly(value, kind) for value in condition.of])
        case IsSet():
            return {"not": {"type": "null"}}
        case Said():
            return {"not": _among(_SAYS_NOTHING, kind)}
        case IsTruthy():
            return {"not": _among(_EMPTY, kind)}
        case Above():
            return {"type": "number", "exclusiveMinimum": condition.limit}
        case Below():
            return {"type": "number", "exclusiveMaximum": condition.limit}
        case Includes():
            return _includes(str(condition.option))
        case Matches():
            # Blanks around a value are no part of it.
            return {"type": "string", "pattern": rf"^\s*(?:{condition.pattern})\s*$"}
        case HasKey():
            return _has_key(condition.key, kind)
    raise TypeError(f"no schema can say {condition!r}")


def _exactly(value: Any, kind: Kind) -> Schema:
    """This value; where any text may stand, blanks around it are no part of it."""
    if isinstance(value, str) and kind.text:
        return {"type": "string", "pattern": rf"^\s*{exactly(value)}\s*$"}
    # Some writers of JSON leave out keywords that are null, FastAPI among them.
    return {"type": "null"} if value is None else {"const": value}


def _among(values: list[Any], kind: Kind) -> Schema:
    """What counts as nothing; a section that is there counts, even without a key."""
    nothing: Schema = {"enum": [value for value in values if value != {} or kind.section is None]}
    return {"anyOf": [nothing, _exactly("", kind)]} if kind.text else nothing


def _includes(option: str) -> Schema:
    word = {"type": "string", "pattern": rf"(^|[\s,]){option}($|[\s,])"}
    return {"anyOf": [word, {"type": "array", "contains": {"const": option}}]}


def _has_key(key: str, kind: Kind) -> Schema:
    inside: Schema = {"type": "object", "properties": {key: {}}, "required": [key]}
    # The text of a section is a path.
    return {"anyOf": [{"type": "string", "pattern": text_with_key(key)}, inside]} if kind.section is None else inside
