"""`{a,b}` and `{1..3}`: one word that stands for several."""

from __future__ import annotations

import re

from trainspec.migration.scripts.shell.pieces import Kind, Piece
from trainspec.migration.scripts.words import Marks

_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?|([A-Za-z])\.\.([A-Za-z])")
_MOST = 1000
# A letter of a word, and the kind of piece that it is of; a whole expansion counts as one letter.
Letter = tuple[str, Kind]


def with_braces(pieces: list[Piece], marks: Marks) -> list[list[Piece]]:
    """The words that braces outside quotes make of one; most have none, and are what they were."""
    if not any(kind is Kind.LITERAL and "{" in text for text, kind in pieces):
        return [pieces]
    letters: list[Letter] = []
    for text, kind in pieces:
        letters += [(one, kind) for one in text] if kind is Kind.LITERAL else [(text, kind)]
    return [[Piece(*one) for one in word] for word in _expanded(letters, marks)]


def _expanded(letters: list[Letter], marks: Marks) -> list[list[Letter]]:
    start = -1
    while (start := _next(letters, "{", start + 1)) >= 0:
        end = _closing(letters, start)
        inside = letters[start + 1 : end] if end >= 0 else []
        choices = _choices(inside)
        if choices:
            behind = _expanded(letters[end + 1 :], marks)
            within = [one for choice in choices for one in _expanded(choice, marks)]
            marks.spend(len(within) * len(behind) * len(letters))
            return [[*letters[:start], *one, *rest] for one in within for rest in behind]
    return [letters]


def _next(letters: list[Letter], wanted: str, start: int) -> int:
    return next((at for at in range(start, len(letters)) if letters[at] == (wanted, Kind.LITERAL)), -1)


def _closing(letters: list[Letter], start: int) -> int:
    depth = 0
    for at in range(start, len(letters)):
        if letters[at] == ("{", Kind.LITERAL):
            depth += 1
        elif letters[at] == ("}", Kind.LITERAL):
            depth -= 1
            if depth == 0:
                return at
    return -1


def _choices(inside: list[Letter]) -> list[list[Letter]]:
    """What braces choose between; nothing where they are plain text."""
    parts: list[list[Letter]] = [[]]
    depth = 0
    for letter in inside:
        depth += (letter == ("{", Kind.LITERAL)) - (letter == ("}", Kind.LITERAL))
        if letter == (",", Kind.LITERAL) and depth == 0:
            parts.append([])
        else:
            parts[-1].append(letter)
    if len(parts) > 1:
        return parts
    text = "".join(text for text, _ in inside) if all(kind is Kind.LITERAL for _, kind in inside) else ""
    found = _RANGE.fullmatch(text)
    return [[(item, Kind.LITERAL)] for item in _range(found)] if found is not None else []


def _range(found: re.Match[str]) -> list[str]:
    first, last, step, from_letter, to_letter = found.groups()
    if from_letter is not None:
        one, other = ord(from_letter), ord(to_letter)
        return [chr(at) for at in range(one, other + (1 if other >= one else -1), 1 if other >= one else -1)]
    width = max(len(first), len(last)) if re.match(r"-?0\d", first) or re.match(r"-?0\d", last) else 0
    one, other, size = int(first), int(last), abs(int(step or 1)) or 1
    if abs(other - one) // size > _MOST:
        return []
    numbers = range(one, other + (1 if other >= one else -1), size if other >= one else -size)
    return [f"{number:0{width}d}" for number in numbers]
