"""YAML 1.2 (core schema) with the place of every value, from libyaml's events.

libyaml parses YAML 1.1's grammar, which for configuration files differs from 1.2's in how plain scalars resolve; that
part is ours: `no` and `off` are strings, `5e-5` is a number, and no tag ever builds a Python object.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

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

from trainspec.settings.sources.formats.limits import (
    DEEPEST,
    LINE_ENDS,
    LONGEST_TEXT,
    MOST_DOCUMENTS,
    MOST_FAULTS,
    MOST_VALUES,
    Fault,
    Marks,
    Path,
    Place,
    check_size,
)
from trainspec.settings.sources.formats.yaml_lines import resolve_plain

# Values, and characters in them, after expanding aliases, of which each may stand for many.
LARGEST = MOST_VALUES
LONGEST = 2 * LONGEST_TEXT

# What ended a line in YAML 1.1, and does to libyaml: the sign of a next line, separators of lines and paragraphs.
_OLD_BREAKS = re.compile("[\x85\u2028\u2029]")
# In the path of what stands under a key for the second time.
_AGAIN = "\0"
_NO_TAG = "no tag is allowed here; a text that begins with ! stands in quotes"
_STANDARD_TAG = "tag:yaml.org,2002:"


def parse_yaml(
    text: str, *, faults: list[Fault] | None = None, referred: set[Path] | None = None
) -> Iterator[tuple[Any, Marks]]:
    """The documents of a YAML stream, each with the places of its values; one that is empty, if none. Raises Fault.

    Keys that stand twice go into `faults`, where it is given, and the first of each counts. `referred` gets the path
    of every value that an alias stands for.
    """
    check_size(text, ":,*")
    place_of = _placing(text)
    try:
        parser = CParser(text)
    except yaml.YAMLError as error:
        raise _syntax_fault(error, place_of) from None
    except (ValueError, UnicodeError) as error:
        raise Fault("SRC107", str(error), Place(1, 1)) from None
    reader = _Reader(parser.get_event, place_of, faults, referred)
    if not reader.next_is_document():
        yield None, {}
        return
    yield reader.document()
    number = 1
    while reader.next_is_document():
        number += 1
        if number > MOST_DOCUMENTS:
            raise Fault("SRC109", f"it holds more than {MOST_DOCUMENTS} documents", None)
        yield reader.document()


def _syntax_fault(error: yaml.YAMLError, place_of: Callable[[Any], Place]) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    begun = getattr(error, "context_mark", None)
    if "quoted scalar" in str(getattr(error, "context", "")) and "unexpected end" in str(error) and begun is not None:
        # Where the quote opens, not where the file ends.
        return Fault("SRC107", "it is not valid YAML: a quote is not closed", place_of(begun))
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is not YAML"
    place = place_of(mark)
    if "nesting depth" in problem:
        # Newer parsers look far ahead, and have a bound of their own.
        return Fault("SRC109", f"it nests deeper than {DEEPEST} levels", place)
    return Fault("SRC107", f"it is not valid YAML: {problem}", place)


def _placing(text: str) -> Callable[[Any], Place]:
    """What makes a place of a parser's mark: as editors count lines, which end them at less than YAML 1.1 did."""
    if _OLD_BREAKS.search(text) is None:
        return lambda mark: Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)
    starts = [0, *(found.end() for found in LINE_ENDS.finditer(text))]

    def place(mark: Any) -> Place:
        index: int = mark.index if mark is not None else 0
        line = bisect_right(starts, index)
        return Place(line, index - starts[line - 1] + 1)

    return place


class _Anchored(NamedTuple):
    """What an alias stands for: a value, its path, how many values are inside, how deep they nest, characters."""

    value: Any
    path: Path
    inside: int
    height: int
    size: int


class _Places(dict[Path, Place]):
    """The places of values, each once: what an alias stands for is looked up where its anchor is.

    Written out for each alias they would be most of the work that a few lines of references to references make.
    """

    def __init__(self) -> None:
        super().__init__()
        self.aliases: dict[Path, Path] = {}

    def __missing__(self, path: Path) -> Place:
        found: Place | None = self.get(path)
        if found is None:
            raise KeyError(path)
        return found

    def __contains__(self, path: object) -> bool:
        return isinstance(path, tuple) and self.get(path) is not None

    def get(self, path: Path, default: Any = None) -> Any:
        found, aliases = super().get(path), self.aliases
        # Where several merge keys stand in one mapping, paths may lead in a circle.
        for _ in range(DEEPEST if aliases else 0):
            length = next((one for one in range(len(path), 0, -1) if path[:one] in aliases), 0)
            if found is not None or not length:
                break
            path = (*aliases[path[:length]], *path[length:])
            found = super().get(path)
        return default if found is None else found


class _Reader:
    """Builds values from events, with anchors, bounds and duplicate keys watched."""

    def __init__(
        self,
        next_event: Callable[[], Event | None],
        place_of: Callable[[Any], Place],
        faults: list[Fault] | None,
        referred: set[Path] | None,
    ) -> None:
        self._next_event = next_event
        self._place_of = place_of
        self._faults = faults
        self._referred = set() if referred is None else referred
        self._anchors: dict[str, _Anchored] = {}
        self._count = 0
        self._size = 0
        self._deepest = 0
        self._marks = _Places()

    def _event(self) -> Event:
        try:
            event = self._next_event()
        except yaml.YAMLError as error:
            raise _syntax_fault(error, self._place_of) from None
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
        self._anchors, self._marks = {}, _Places()
        value = self._value(self._event(), (), 0)
        self._event()
        return value, self._marks

    def _value(self, event: Event, path: Path, depth: int) -> Any:
        place = self._place_of(event.start_mark)
        self._marks[path] = place
        self._grow(1, 0, place)
        count, size, deepest = self._count, self._size, self._deepest
        self._deepest = depth
        if depth > DEEPEST:
            raise Fault("SRC109", f"it nests deeper than {DEEPEST} levels", place)
        if isinstance(event, AliasEvent):
            value = self._alias(event, path, depth, place)
        elif isinstance(event, ScalarEvent):
            value = self._scalar(event, place)
        elif isinstance(event, MappingStartEvent):
            value = self._mapping(event, path, depth, place)
        elif isinstance(event, SequenceStartEvent):
            value = self._sequence(event, path, depth, place)
        else:
            raise Fault("SRC107", "a value was expected", place)
        if event.anchor is not None and not isinstance(event, AliasEvent):
            height = self._deepest - depth
            self._anchors[event.anchor] = _Anchored(value, path, self._count - count, height, self._size - size)
        self._deepest = max(self._deepest, deepest)
        return value

    def _grow(self, values: int, characters: int, place: Place) -> None:
        self._count += values
        self._size += characters
        if self._count > LARGEST or self._size > LONGEST:
            raise Fault("SRC109", f"it expands to more than {LARGEST:,} values or {LONGEST:,} characters", place)

    def _alias(self, event: AliasEvent, path: Path, depth: int, place: Place) -> Any:
        if event.anchor not in self._anchors:
            # Not named: it may be a secret that begins so, and wants quotes.
            why = "an alias here names no anchor before it; a text that begins with * stands in quotes"
            raise Fault("SRC107", why, place)
        anchored = self._anchors[event.anchor]
        self._referred.add(anchored.path)
        self._grow(anchored.inside, anchored.size, place)
        if depth + anchored.height > DEEPEST:
            raise Fault("SRC109", f"it nests deeper than {DEEPEST} levels", place)
        self._deepest = depth + anchored.height
        self._marks.aliases[path] = anchored.path
        return anchored.value

    def _scalar(self, event: ScalarEvent, place: Place) -> Any:
        self._grow(0, len(event.value), place)
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
        raise Fault("SRC107", _NO_TAG, place)

    def _check_tag(self, tag: str | None, kind: str, place: Place) -> None:
        if tag not in (None, "!", _STANDARD_TAG + kind):
            raise Fault("SRC107", _NO_TAG, place)

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
            if key == "<<" and isinstance(event, ScalarEvent) and event.implicit[0]:
                merged.append((self._value(self._event(), inner, depth + 1), at))
                continue
            if key in mapping:
                self._twice(key, self._marks[inner], at)
                # Its anchors may be referred to, and their places are not those of the first.
                self._value(self._event(), (*inner, _AGAIN, *map(str, at)), depth + 1)
                continue
            mapping[key] = self._value(self._event(), inner, depth + 1)
            self._marks[inner] = at
        for value, at in merged:
            self._merge(mapping, value, path, at)
        return mapping

    def _twice(self, key: str, first: Place, at: Place) -> None:
        fault = Fault("SRC104", f"the key {key} stands twice (first in line {first.line})", at)
        if self._faults is None or len(self._faults) >= MOST_FAULTS:
            raise fault
        self._faults.append(fault)

    def _key(self, event: Event) -> tuple[str, Place]:
        place = self._place_of(event.start_mark)
        if isinstance(event, AliasEvent) and event.anchor in self._anchors:
            value = self._anchors[event.anchor].value
            if isinstance(value, str):
                return value, place
        if not isinstance(event, ScalarEvent):
            raise Fault("SRC107", "keys must be plain text", place)
        self._check_tag(event.tag, "str", place)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(event.value, (), 0, 0, len(event.value))
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
