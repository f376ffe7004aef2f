"""What is offered at a place: keys that are not there yet, values that a setting takes, and how each is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, get_args

from trainspec.answers.completion.known import Key, Known
from trainspec.answers.completion.spots import Path, Scan, Spot
from trainspec.migration.values import NotWritable, as_json, as_toml, as_yaml, quoted, toml_key
from trainspec.settings.sources.variables import NESTED
from trainspec.settings.values.choice_descriptions import describe_choice
from trainspec.settings.values.kinds import Kind
from trainspec.settings.views.dumping import plain
from trainspec.settings.views.help_text import default_of
from trainspec.settings.views.schema.fields import titled

if TYPE_CHECKING:
    from trainspec.text.languages import Words


# What a dotenv file needs no quotes for.
_BARE = re.compile(r"[^\s'\"#$\\]*")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that fits: what is shown, what is written, a short fact and a sentence about it."""

    label: str
    kind: Literal["key", "value"]
    insert: str
    detail: str
    description: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What stands at a place: a key or the value of one, under the name of today."""

    kind: Literal["key", "value"]
    path: Path
    name: str
    title: str
    description: str
    type: str
    default: str


class Offers:
    """The offers of one place in one text."""

    def __init__(self, scan: Scan, known: Known, prefix: str, words: Words) -> None:
        self._scan, self._known, self._prefix, self._words = scan, known, prefix, words

    def at(self, spot: Spot) -> Facts | None:
        """What is known of what stands at a place."""
        path = spot.path
        if spot.kind == "key":
            if not spot.word:
                return None
            path = spot.entry.path if spot.entry is not None else (*path, spot.word)
        key = self._known.key(path)
        if key is None:
            return None
        info, words = key.info, self._words
        return Facts(
            spot.kind,
            path,
            ".".join(key.path),
            words(info.title or titled(key.name)),
            words(info.description or ""),
            words(key.kind.expected),
            _default(key, words),
        )

    def items(self, spot: Spot) -> Iterator[Item]:
        """Everything that fits at a place."""
        if spot.is_text:
            return
        if spot.kind == "value":
            yield from self._values(spot)
        elif spot.writing == "env":
            yield from self._variables(spot)
        else:
            keys = self._known.keys(self._known.today(spot.path))
            if spot.path and keys is None and spot.may_be_value:
                yield from self._values(as_value(spot))
            taken = self._taken(spot) if keys else set()
            for key in (keys or {}).values():
                if key.path not in taken and (spot.writing != "header" or self._has_keys(key)):
                    yield self._item(key, key.name, self._written_key(key, spot))

    def _taken(self, spot: Spot) -> set[Path]:
        """The keys, under their names of today, that stand at a place already."""
        own = spot.entry.key if spot.entry is not None else None
        inside = [one for one in self._scan.inside(spot.path) if one.key != own]
        if spot.writing == "toml":
            # With dots between names, one more key may be said of what others have been said of.
            inside = [one for one in inside if one.value is not None or not self._has_keys_at(one.path)]
        old = [one for one in self._scan.entries if len(one.path) == 1 and one.key != own] if spot.path else []
        return {self._known.today(path) for path in dict.fromkeys(one.path for one in (*inside, *old))}

    def _has_keys_at(self, path: Path) -> bool:
        key = self._known.key(path)
        return key is not None and self._has_keys(key)

    def _has_keys(self, key: Key) -> bool:
        return key.kind.mapping and bool(self._known.keys(key.path))

    def _item(self, key: Key, label: str, insert: str) -> Item:
        detail = f"{short_type(key.kind)} = {_default(key, str)}"
        return Item(label, "key", insert, detail, self._words(key.info.description or ""))

    def _written_key(self, key: Key, spot: Spot) -> str:
        name = key.name
        if spot.writing == "json":
            name = json.dumps(name)[1:-1] if spot.quote else json.dumps(name)
        elif spot.writing in ("toml", "inline", "header") and not spot.quote:
            name = toml_key(name)
        name += spot.after
        if spot.followed or spot.writing == "header":
            return name
        if spot.writing in ("json", "flow"):
            return f"{name}: "
        if spot.writing in ("toml", "inline"):
            return f"{name}." if self._has_keys(key) and not key.kind.text else f"{name} = "
        if self._has_keys(key) and not key.kind.text:
            return f"{name}:\n{' ' * (spot.column + 2)}"
        return f"{name}: "

    # Variables have the names of all keys around theirs in their own.

    def _variables(self, spot: Spot) -> Iterator[Item]:
        above: Path = ()
        typed = spot.word[: self._scan.cursor - spot.span[0]]
        if typed.upper().startswith(self._prefix.upper()):
            above = tuple(typed[len(self._prefix) :].lower().split(NESTED)[:-1])
        there = {one.path for one in self._scan.entries if spot.entry is None or one.key != spot.entry.key}
        for key in (self._known.keys(above) or {}).values():
            name = self._prefix + NESTED.join(key.path).upper()
            if key.path not in there and (not self._has_keys(key) or key.kind.text):
                yield self._item(key, name, name if spot.followed else f"{name}=")
            if self._has_keys(key) and not spot.followed and key.path not in there:
                yield self._item(key, f"{name}{NESTED}", f"{name}{NESTED}")

    # Values.

    def _values(self, spot: Spot) -> Iterator[Item]:
        key = self._known.key(spot.path)
        if key is None:
            return
        kind = key.kind.items if spot.in_list and key.kind.items is not None else key.kind
        if spot.in_list and key.kind.items is None and spot.writing != "env":
            return
        seen = set()
        for value, about in self._candidates(key, kind, spot):
            text = _written_value(value, spot)
            if text is not None and text not in seen:
                seen.add(text)
                label = value if isinstance(value, str) else as_json(value)
                described = self._words(about)
                yield Item(label, "value", spot.before + text, "", described)

    def _candidates(self, key: Key, kind: Kind, spot: Spot) -> Iterator[tuple[Any, str]]:
        members = _members(key.info.annotation)
        if kind.boolean:
            yield from ((True, ""), (False, ""))
        inner = kind.items if kind.items is not None and not kind.choices else None
        choices = kind.choices or (inner.choices if inner is not None else ())
        for choice in choices:
            value = plain(choice)
            if kind.boolean and str(value).lower() in ("true", "false"):
                continue
            one: Any = value if inner is None or kind.text or spot.writing == "env" else [value]
            yield one, describe_choice(members[value]) if value in members else ""
        if spot.in_list:
            return
        if not key.kind.secret and not key.kind.mapping and not kind.boolean and not choices:
            if not key.info.is_required() and _is_plain(key.info.default):
                yield plain(key.info.default), "default"
            for example in key.info.examples or ():
                if _is_plain(plain(example)):
                    yield plain(example), "example"
        if kind.null and spot.writing in ("block", "flow", "json"):
            yield None, ""


def values_in_quotes(key: Key | None) -> bool:
    """Whether a value of a setting may be a text, so that it stands in the quotes that are open."""
    if key is None:
        return False
    kinds = [key.kind, *([key.kind.items] if key.kind.items is not None else [])]
    return any(kind.takes_strings for kind in kinds)


def as_value(spot: Spot) -> Spot:
    """A place below a key, as one for the key's value."""
    return replace(spot, kind="value", after="")


def _written_value(value: Any, spot: Spot) -> str | None:
    try:
        if spot.writing == "env":
            text = value if isinstance(value, str) else as_json(value)
            return text if _BARE.fullmatch(text) or spot.shown != spot.span else quoted(text)
        if spot.quote:
            return json.dumps(value, ensure_ascii=False)[1:-1] + spot.quote if isinstance(value, str) else None
        if spot.writing in ("block", "flow"):
            return as_yaml(value)
        return as_json(value) if spot.writing == "json" else as_toml(value)
    except NotWritable:
        return None


def _default(key: Key, words: Words) -> str:
    said = default_of(key.name, key.info).removeprefix("default: ")
    return words(said) if said in ("none", "required") else said


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and value != ""


def _members(annotation: Any) -> dict[Any, Any]:
    """The members of the enums in an annotation, by their values."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {member.value: member for member in annotation}
    found: dict[Any, Any] = {}
    for inner in get_args(annotation):
        found |= _members(inner)
    return found


def short_type(kind: Kind) -> str:
    """A type in a word, as Python names it."""
    names = [
        ("bool", kind.boolean),
        ("choice", bool(kind.choices)),
        ("int", kind.integer),
        ("float", kind.number),
        ("list", kind.items is not None),
        ("mapping", kind.mapping),
        ("secret", kind.secret),
        ("str", kind.text),
    ]
    return " | ".join(name for name, holds in names if holds) or "any"
