"""Places in a text as editors count them: lines and characters from 0, characters in UTF-16 units."""

from __future__ import annotations

import re
from bisect import bisect_right

from typing_extensions import TypedDict

_BREAK = re.compile(r"\r\n|\r|\n")
_FIRST_OF_TWO_UNITS = 0x10000


class Position(TypedDict):
    """A place, as the Language Server Protocol has it."""

    line: int
    character: int


class Range(TypedDict):
    """From the first character to the one behind the last."""

    start: Position
    end: Position


class Lines:
    """Where the lines of a text begin, and what a place in it is in either way of counting."""

    def __init__(self, text: str) -> None:
        self._text = text
        ends = [(found.start(), found.end()) for found in _BREAK.finditer(text)]
        self.starts = [0, *(end for _, end in ends)]
        self._ends = [*(start for start, _ in ends), len(text)]

    def offset(self, line: int, character: int) -> int:
        """The index of a place; of one behind the end of a line or text, of that end."""
        if line >= len(self.starts):
            return len(self._text)
        start, end = self.starts[line], self._ends[line]
        if self._text[start:end].isascii():
            return min(start + character, end)
        index, units = start, 0
        while index < end:
            units += _units(self._text[index])
            if units > character:
                break
            index += 1
        return index

    def position(self, offset: int) -> Position:
        """The place of an index."""
        line = bisect_right(self.starts, offset) - 1
        before = self._text[self.starts[line] : offset]
        return {"line": line, "character": sum(map(_units, before)) if not before.isascii() else len(before)}

    def range(self, start: int, end: int) -> Range:
        """The range between two indices."""
        return {"start": self.position(start), "end": self.position(end)}


def _units(letter: str) -> int:
    return 1 if ord(letter) < _FIRST_OF_TWO_UNITS else 2
