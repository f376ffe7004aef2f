"""What every reader of a file format gives back: values, the place of each, or the fault that stopped it."""

from __future__ import annotations

from typing import NamedTuple

Path = tuple[str, ...]


class Place(NamedTuple):
    """A position in a text, both numbers from 1."""

    line: int
    column: int


Marks = dict[Path, Place]


class Fault(Exception):
    """Why a text is not a document: a code, what is wrong, and where."""

    def __init__(self, code: str, message: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.place = place
