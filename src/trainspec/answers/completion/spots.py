"""What a text being typed says so far, and what stands, or may stand, where somebody types."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Path = tuple[str, ...]
Span = tuple[int, int]
Writing = Literal["block", "flow", "json", "toml", "inline", "header", "env"]
"""How keys and values are written at a place: YAML by indentation or in braces, JSON, TOML, its braces, its headers,
variables.
"""


@dataclass(slots=True)
class Entry:
    """A key with where its name stands, where its value does (None where it has none yet), and its column."""

    path: Path
    key: Span
    value: Span | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """A place for a key in the mapping at `path`, or for a value of the setting at `path`.

    `span` is what a completion takes the place of, `word` what stands there; `before` and `after` stand around what is
    written into it. `followed`: behind the key what separates it from its value stands already. `quote`: the quote that
    is open before the place.
    """

    kind: Literal["key", "value"]
    path: Path
    span: Span
    writing: Writing
    word: str = ""
    before: str = ""
    after: str = ""
    followed: bool = False
    quote: str = ""
    column: int = 0
    in_list: bool = False
    may_be_value: bool = False
    is_text: bool = False
    """Whether a text of several lines stands here, in which nothing is offered."""
    entry: Entry | None = None
    shown: Span | None = None
    """What stands here whole, quotes included, where that is not the span."""


@dataclass(slots=True)
class Scan:
    """All keys that were found, and the place asked for; None where nothing may stand."""

    cursor: int
    entries: list[Entry] = field(default_factory=list)
    spot: Spot | None = None
    decided: bool = False
    """Whether what the cursor is in was found, be it no place for anything."""

    def decide(self, spot: Spot | None) -> None:
        if not self.decided:
            self.spot, self.decided = spot, True

    def add(self, entry: Entry) -> Entry:
        self.entries.append(entry)
        return entry

    def inside(self, path: Path) -> list[Entry]:
        """The keys of the mapping at a path."""
        depth = len(path)
        return [one for one in self.entries if len(one.path) == depth + 1 and one.path[:depth] == path]


_CLOSED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\'\'|[^\'])*\'', re.DOTALL)


def is_closed(text: str) -> bool:
    """Whether a quoted text has its last quote."""
    return _CLOSED.fullmatch(text) is not None


def unquoted(text: str) -> str:
    """A word without quotes around it, be the last one still to be typed."""
    if text[:1] in ("'", '"'):
        return text[1:-1] if is_closed(text) else text[1:]
    return text
