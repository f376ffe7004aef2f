"""What differs between two texts as edits of the first: whole lines, and within a line whole words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

_MOST_LINES = 2000
_WORD = re.compile(r"[A-Za-z0-9_.+-]")

Hunk = tuple[int, int, str]


def hunks(before: str, after: str) -> list[Hunk] | None:
    """The edits, each a span of the text before and what takes its place; None where too much lies between them."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    old_end, new_end = len(old) - tail, len(new) - tail
    if max(old_end, new_end) - head > _MOST_LINES:
        return None
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    matcher = SequenceMatcher(None, old[head:old_end], new[head:new_end], autojunk=False)
    found: list[Hunk] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            continue
        lines, others = old[head + a : head + b], new[head + c : head + d]
        if len(lines) == len(others):
            for number, pair in enumerate(zip(lines, others, strict=True)):
                found += _within(starts[head + a + number], *pair)
        else:
            found.append((starts[head + a], starts[head + b], "".join(others)))
    return found


def _within(start: int, old: str, new: str) -> Iterator[Hunk]:
    """The one edit of a line, from word to word."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    while head and _WORD.match(old[head - 1]):
        head -= 1
    while tail and _WORD.match(old[len(old) - tail]):
        tail -= 1
    yield start + head, start + len(old) - tail, new[head : len(new) - tail]
