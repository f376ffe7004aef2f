"""Words of a script: text, where it stands, and what of it only a run would tell.

What is unknown inside a text is one letter of a private plane of Unicode, so that texts are joined, split and compared
like any other. A second such letter marks a text that holds only while a variable is not set elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_FIRST_UNKNOWN, _FIRST_ASSUMED, _END = 0xF0000, 0x100000, 0x110000
_MOST = 0xFFFD
# Letters, copied variables and steps; a launch script of thousands of lines takes a hundredth of it.
_MOST_WORK = 2_000_000


class TooMuch(Exception):
    """A script that comes to more commands, letters or unknown places than anybody writes."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What stands in the script, and why its value is not known."""

    written: str
    reason: str
    loose: bool = False
    """Whether it stands outside quotes, and so may be no word, or several."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """A variable that nothing in the script sets, and what the script says in its place."""

    variable: str
    default: str


@dataclass(slots=True)
class Marks:
    """The unknown places and the assumptions of one script, by their letters."""

    unknowns: list[Unknown] = field(default_factory=list)
    assumptions: list[Assumed] = field(default_factory=list)
    _numbers: dict[Unknown | Assumed, int] = field(default_factory=dict)
    _work: int = 0

    def spend(self, amount: int) -> None:
        """Count work before it is done, so that no few lines take minutes or all memory. Raises TooMuch."""
        self._work += amount
        if self._work > _MOST_WORK:
            raise TooMuch

    def unknown(self, written: str, reason: str) -> str:
        """The letter that stands for it."""
        return self._letter(self.unknowns, Unknown(written, reason), _FIRST_UNKNOWN)

    def loosened(self, text: str) -> str:
        """The text of an expansion outside quotes: what is unknown in it may be several words."""
        if is_known(text):
            return text
        return "".join(one if is_known(one) else self._loose(one) for one in text)

    def _loose(self, letter: str) -> str:
        (one,) = self.unknowns_in(letter)
        return self._letter(self.unknowns, Unknown(one.written, one.reason, True), _FIRST_UNKNOWN)

    def may_be_several(self, text: str) -> bool:
        """Whether a word may turn out as none, or as several."""
        return any(one.loose for one in self.unknowns_in(text))

    def assumed(self, variable: str, default: str) -> str:
        """The letter that says what a text rests on."""
        return self._letter(self.assumptions, Assumed(variable, default), _FIRST_ASSUMED)

    def _letter(self, known: list[Any], one: Unknown | Assumed, first: int) -> str:
        if one not in self._numbers:
            if len(known) >= _MOST:
                raise TooMuch
            self._numbers[one] = len(known)
            known.append(one)
        return chr(first + self._numbers[one])

    def unknowns_in(self, text: str) -> list[Unknown]:
        return [self.unknowns[ord(one) - _FIRST_UNKNOWN] for one in text if _FIRST_UNKNOWN <= ord(one) < _FIRST_ASSUMED]

    def assumptions_in(self, text: str) -> list[Assumed]:
        return [self.assumptions[ord(one) - _FIRST_ASSUMED] for one in text if ord(one) >= _FIRST_ASSUMED]

    def readable(self, text: str) -> str:
        """The text with what is unknown as the script writes it."""
        parts = []
        for one in text:
            number = ord(one)
            if number < _FIRST_UNKNOWN:
                parts.append(one)
            elif number < _FIRST_ASSUMED:
                parts.append(self.unknowns[number - _FIRST_UNKNOWN].written)
        return "".join(parts)


def is_known(text: str) -> bool:
    """Whether nothing in a text is unknown."""
    return not any(_FIRST_UNKNOWN <= ord(one) < _FIRST_ASSUMED for one in text)


def without_assumptions(text: str) -> str:
    """The text alone, without the marks of what it rests on."""
    return "".join(one for one in text if ord(one) < _FIRST_ASSUMED) if not text.isascii() else text


def assumptions_of(text: str) -> str:
    """The marks of what a text rests on, alone."""
    return "" if text.isascii() else "".join(one for one in text if ord(one) >= _FIRST_ASSUMED)


def has_marks(text: str) -> bool:
    """Whether a text that nobody has read yet holds letters that stand for something here."""
    return not text.isascii() and any(_FIRST_UNKNOWN <= ord(one) < _END for one in text)


class Word(str):
    """A word of a command, with its place in the script (1-based) and in the command."""

    __slots__ = ("assumed", "column", "line", "number")

    line: int
    column: int
    number: int
    assumed: str

    @classmethod
    def at(cls, text: str, line: int, column: int, number: int = 0) -> Word:
        """A word; the marks of what it rests on are kept beside it."""
        word = cls(without_assumptions(text))
        word.line, word.column, word.number, word.assumed = line, column, number, assumptions_of(text)
        return word

    def with_text(self, text: str) -> Word:
        """Another text in the same place."""
        return Word.at(text + self.assumed, self.line, self.column, self.number)

    def partition(self, separator: str, /) -> tuple[str, str, str]:
        before, found, behind = super().partition(separator)
        return self.with_text(before), found, self.with_text(behind)

    @property
    def is_known(self) -> bool:
        return is_known(self)


@dataclass(slots=True)
class Command:
    """A simple command as it would be run: its words, the variables in its environment, and where it stands."""

    words: list[Word]
    environment: dict[str, Word] = field(default_factory=dict)
    line: int = 1
    column: int = 1
    within: tuple[str, ...] = ()
    """What decides whether and how often it runs: "if", "for" ..."""
    cut_off: str = ""
    """Why words that seem to belong to it do not: a comment between lines, a blank behind a backslash."""
    broken: bool = False
    """Whether a part of it does not parse."""

    @property
    def cut_off_flags(self) -> bool:
        """Whether it is no command but flags, in a script that has lines above."""
        return bool(self.cut_off) and self.words[0].startswith("-")
