"""YAML 1.2 (core schema) with the place of every value, from libyaml's events.

libyaml parses YAML 1.1's grammar, which for configuration files differs from 1.2's in how plain scalars resolve; that
part is ours: `no` and `off` are strings, `5e-5` is a number, and no tag ever builds a Python object.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from trainspec.settings.sources.reading import Fault, Marks, Path, Place

# Nobody nests settings this deep; beyond, recursion would end in a traceback.
DEEPEST = 64
# Values after expanding aliases, of which each may stand for many.
LARGEST = 100_000

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = {"inf": "inf", "+inf": "inf", "-inf": "-inf", "nan": "nan"}
_STANDARD_TAG = "tag:yaml.org,2002:"


def resolve_plain(text: str) -> Any:
    """A plain (unquoted) scalar by YAML 1.2's core schema."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    head = text[0]
    if head not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 4000 else text
    if _FLOAT.fullmatch(text):
        return float(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        return int(text, 0)
    special = _SPECIAL.get(text.lower().replace(".", "", 1)) if "." in text[:2] else None
    return float(special) if special is not None else text


def parse_yaml(text: str) -> Iterator[tuple[Any, Marks]]:
    """The documents of a YAML stream, each with the places of its values. Raises Fault."""
    try:
        parser = CParser(text)
    except yaml.YAMLError as error:
        raise _syntax_fault(error) from None
    except (ValueError, UnicodeError) as error:
        raise Fault("SRC107", str(error), Place(1, 1)) from None
    reader = _Reader(parser.get_event)
    while reader.next_is_document():
        yield reader.document()


def _syntax_fault(error: yaml.YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is not YAML"
    place = Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)
    return Fault("SRC107", f"it is not valid YAML: {problem}", place)


def _place_of(event: Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)


class _Reader:
    """Builds values from events, with anchors, bounds and duplicate keys watched."""

    def __init__(self, next_event: Callable[[], Event | None]) -> None:
        self._next_event = next_event
        self._anchors: dict[str, tuple[Any, Marks]] = {}
        self._count = 0
        self._marks: Marks = {}

    def _event(self) -> Event:
        try:
            event = self._next_event()
        except yaml.YAMLError as error:
            raise _syntax_fault(error) from None
        except (ValueError, UnicodeError) as error:
            raise Fault("SRC107", f"it is not valid YAML: {error}", Place(1, 1)) from None
        if event is None:
            raise Fault("SRC107", "it ends too early", Place(1, 1))
        return event

    def next_is_document(self) -> bool:
        event = self._event()
        while isinstance(event, StreamStartEvent):
            event = self._event()
        return isinstance(event, DocumentStartEvent) or not isinstance(event, StreamEndEvent)

    def document(self) -> tuple[Any, Marks]:
        self._anchors, self._marks = {}, {}
        value = self._value(self._event(), (), 0)
        self._event()
        return value, self._marks

    def _value(self, event: Event, path: Path, depth: int) -> Any:
        place = _place_of(event)
        self._marks[path] = place
        self._count_one(1, place)
        if depth > DEEPEST:
            raise Fault("SRC109", f"it nests deeper than {DEEPEST} levels", place)
        if isinstance(event, AliasEvent):
            return self._alias(event, path, place)
        if isinstance(event, ScalarEvent):
            value = self._scalar(event, place)
        elif isinstance(event, MappingStartEvent):
            value = self._mapping(event, path, depth, place)
        elif isinstance(event, SequenceStartEvent):
            value = self._sequence(event, path, depth, place)
        else:
            raise Fault("SRC107", "a value was expected", place)
        if event.anchor is not None:
            inner = {key[len(path) :]: mark for key, mark in self._marks.items() if key[: len(path)] == path}
            self._anchors[event.anchor] = (value, inner)
        return value

    def _count_one(self, more: int, place: Place) -> None:
        self._count += more
        if self._count > LARGEST:
            raise Fault("SRC109", f"its anchors expand to more than {LARGEST:,} values", place)

    def _alias(self, event: AliasEvent, path: Path, place: Place) -> Any:
        if event.anchor not in self._anchors:
            raise Fault("SRC107", f"the anchor {event.anchor} is not defined before its use", place)
        value, inner = self._anchors[event.anchor]
        self._count_one(len(inner), place)
        self._marks.update({(*path, *key): mark for key, mark in inner.items() if key})
        return value

    def _scalar(self, event: ScalarEvent, place: Place) -> Any:
        if event.tag is None or event.tag == "!":
            plain = event.implicit[0] and event.tag is None
            return resolve_plain(event.value) if plain else event.value
        kind = event.tag.removeprefix(_STANDARD_TAG)
        if kind == "str":
            return event.value
        value = resolve_plain(event.value)
        if (kind, type(value)) in (("int", int), ("float", float), ("bool", bool), ("null", type(None))):
            return value
        if kind == "float" and type(value) is int:
            return float(value)
        raise Fault("SRC107", f"the tag {event.tag} is not allowed here", place)

    def _check_tag(self, tag: str | None, kind: str, place: Place) -> None:
        if tag not in (None, "!", _STANDARD_TAG + kind):
            raise Fault("SRC107", f"the tag {tag} is not allowed here", place)

    def _sequence(self, start: SequenceStartEvent, path: Path, depth: int, place: Place) -> list[Any]:
        self._check_tag(start.tag, "seq", place)
        items: list[Any] = []
        while not isinstance(event := self._event(), SequenceEndEvent):
            items.append(self._value(event, (*path, str(len(items))), depth + 1))
        return items

    def _mapping(self, start: MappingStartEvent, path: Path, depth: int, place: Place) -> dict[str, Any]:
        self._check_tag(start.tag, "map", place)
        mapping: dict[str, Any] = {}
        merged: list[tuple[Any, Place]] = []
        while not isinstance(event := self._event(), MappingEndEvent):
            key, at = self._key(event)
            inner = (*path, key)
            if key == "<<" and getattr(event, "style", None) is None:
                merged.append((self._value(self._event(), inner, depth + 1), at))
                continue
            if key in mapping:
                raise Fault("SRC104", f"the key {key} stands twice (first in line {self._marks[inner].line})", at)
            mapping[key] = self._value(self._event(), inner, depth + 1)
            self._marks[inner] = at
        for value, at in merged:
            self._merge(mapping, value, path, at)
        return mapping

    def _key(self, event: Event) -> tuple[str, Place]:
        place = _place_of(event)
        if isinstance(event, AliasEvent) and event.anchor in self._anchors:
            value = self._anchors[event.anchor][0]
            if isinstance(value, str):
                return value, place
        if not isinstance(event, ScalarEvent):
            raise Fault("SRC107", "keys must be plain text", place)
        return event.value, place

    def _merge(self, mapping: dict[str, Any], value: Any, path: Path, at: Place) -> None:
        """The merge key `<<`: what is written beside it wins, as in YAML's own description of it."""
        sources = value if isinstance(value, list) else [value]
        for number, source in enumerate(sources):
            if not isinstance(source, dict):
                raise Fault("SRC107", "<< merges mappings only", at)
            under = (*path, "<<", str(number)) if isinstance(value, list) else (*path, "<<")
            for key, item in source.items():
                if key not in mapping:
                    mapping[key] = item
                    self._marks[(*path, key)] = self._marks.get((*under, key), at)
