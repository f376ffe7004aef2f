"""Pieces of a word before a shell splits it, and the words that they become."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from trainspec.migration.scripts.words import Marks, is_known, without_assumptions

_BLANKS = " \t\n"
_GLOB = frozenset("*?")


class Kind(Enum):
    """Where a piece comes from: as it stands, as it stands in quotes, or out of an expansion, which blanks split."""

    LITERAL = auto()
    QUOTED = auto()
    EXPANDED = auto()
    BREAK = auto()


class Piece(NamedTuple):
    text: str
    kind: Kind


BREAK = Piece("", Kind.BREAK)
"""Between two items of "${array[@]}"."""


class _Fields:
    """Words that grow piece by piece."""

    def __init__(self, marks: Marks) -> None:
        self.done: list[str] = []
        self.marks = marks
        self._open: list[str] | None = None
        self._is_quoted = self._is_pattern = False

    def add(self, text: str, *, quoted: bool) -> None:
        self._open = self._open or []
        self._open.append(text)
        self._is_quoted |= quoted
        self._is_pattern |= not quoted and bool(_GLOB.intersection(text))

    def end(self) -> None:
        text = "".join(self._open or ())
        if self._open is not None and (self._is_quoted or without_assumptions(text)):
            if self._is_pattern and is_known(text):
                reason = "the shell matches it against the files that there are"
                text = self.marks.unknown(text, reason)
            self.done.append(text)
        self._open, self._is_quoted, self._is_pattern = None, False, False


def fields_of(pieces: list[Piece], marks: Marks) -> list[str]:
    """The words that pieces become: blanks split what was expanded outside quotes; patterns are unknown."""
    fields = _Fields(marks)
    for text, kind in pieces:
        marks.spend(1 + len(text) // 10)
        if kind is Kind.BREAK:
            fields.end()
        elif kind is not Kind.EXPANDED:
            fields.add(text, quoted=kind is Kind.QUOTED)
        else:
            _split(marks.loosened(text), fields)
    fields.end()
    return fields.done


def _split(text: str, fields: _Fields) -> None:
    word = ""
    for letter in text:
        if letter not in _BLANKS:
            word += letter
            continue
        if word:
            fields.add(word, quoted=False)
            word = ""
        fields.end()
    if word:
        fields.add(word, quoted=False)
