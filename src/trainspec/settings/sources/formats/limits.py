"""What every reader of a file format gives back: values, the place of each, or the fault that stopped it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

Path = tuple[str, ...]


class Place(NamedTuple):
    """A position in a text, both numbers from 1."""

    line: int
    column: int


Marks = dict[Path, Place]

# What ends a line to editors; to Python's own splitting more does.
LINE_ENDS = re.compile("\r\n?|\n")
# Nobody writes a million characters of settings; what is hostile in so many stays below a second.
LARGEST_FILE = 2**20
# Nobody nests settings this deep; beyond, recursion would end in a traceback.
DEEPEST = 64
# Keys that stand twice are told with all else that is wrong, up to here.
MOST_FAULTS = 20
# What no settings come near, and what every parser and judge has done in less than a second.
LONGEST_TEXT = 2**20
MOST_VALUES = 40_000
MOST_DOCUMENTS = 100
# Python converts no more, since the time it takes is quadratic.
MOST_DIGITS = 4300


def check_size(text: str, marks: str, most: int = 2 * MOST_VALUES) -> None:
    """Raises Fault where a text is longer than any settings, or has more of the `marks` that stand between values."""
    if len(text) > LONGEST_TEXT:
        raise Fault("SRC109", f"it is longer than {LONGEST_TEXT:,} characters", None)
    # Marks in texts and comments are counted too, which is quick, and no file of settings is near the bound.
    if len(text) > most // 2 and sum(map(text.count, marks)) > most:
        raise Fault("SRC109", f"it is made of more than {most:,} values, keys and brackets", None)


def too_many_digits() -> Fault:
    """The fault of a number that Python does not convert."""
    return Fault("SRC109", f"a number in it has more than {MOST_DIGITS:,} digits", None)


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
