"""What every reader of a file format gives back: values, the place of each, or the fault that stopped it."""

from __future__ import annotations

from typing import Any, NamedTuple

Path = tuple[str, ...]


class Place(NamedTuple):
    """A position in a text, both numbers from 1."""

    line: int
    column: int


Marks = dict[Path, Place]

# Nobody nests settings this deep; beyond, recursion would end in a traceback.
DEEPEST = 64
# Keys that stand twice are told with all else that is wrong, up to here.
MOST_FAULTS = 20


def is_deeper(value: Any, limit: int) -> bool:
    """Whether mappings and lists nest in more than `limit` levels, found without recursion."""
    level = [value]
    for _ in range(limit):
        inner = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        if not inner:
            return False
        level = [item for items in inner for item in items]
    return any(isinstance(item, dict | list) for item in level)


class Fault(Exception):
    """Why a text is not a document: a code, what is wrong, and where."""

    def __init__(self, code: str, message: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.place = place
