"""JSON by the standard library, strict, and the place of every value, worked out only when somebody asks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from trainspec.settings.sources.reading import DEEPEST, Fault, Marks, Path, Place, is_deeper

_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def parse_json(text: str) -> Any:
    """The value of a JSON text. Raises Fault: bad syntax, NaN or Infinity, duplicate keys, too deep."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise Fault("SRC107", f"it is not valid JSON: {error.msg}", Place(error.lineno, error.colno)) from None
    except RecursionError:
        raise Fault("SRC109", "it nests too deep", None) from None
    except ValueError as error:
        raise Fault("SRC107", f"it is not valid JSON: {error}", None) from None
    if text.count("[") + text.count("{") > DEEPEST and is_deeper(value, DEEPEST):
        raise Fault("SRC109", f"it nests deeper than {DEEPEST} levels", None)
    if _HALF_PAIR.search(text) and _has_surrogate(value):
        raise Fault("SRC107", "it is not valid JSON: half of a surrogate pair stands alone", None)
    return value


def _has_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise Fault("SRC104", f"the key {twice} stands twice", None)
    return mapping


def _refuse_constant(name: str) -> Any:
    raise Fault("SRC107", f"it is not valid JSON: {name} is not a JSON number", None)


def json_marks(text: str) -> Marks:
    """The place of every key (for an item of a list, of the item) in a text that is valid JSON."""
    marks: Marks = {}
    lines = _Lines(text)
    stack: list[_Open] = []
    path: Path = ()
    for token in _TOKEN.finditer(text):
        symbol = token.group()
        if symbol in "{[":
            _mark_item(marks, stack, path, lines.place(token.start()))
            path = _inner(stack, path)
            stack.append(_Open(symbol, path))
        elif symbol in "}]":
            stack.pop()
            path = stack[-1].path if stack else ()
        elif symbol == ",":
            stack[-1].index += 1
            stack[-1].key = None
        elif symbol != ":" and stack and stack[-1].symbol == "{" and stack[-1].key is None:
            key = stack[-1].key = json.loads(symbol)
            marks[(*path, key)] = lines.place(token.start())
        elif symbol != ":":
            _mark_item(marks, stack, path, lines.place(token.start()))
    return marks


@dataclass
class _Open:
    """A mapping or list that is still open, with the key or index its next value is for."""

    symbol: str
    path: Path
    index: int = 0
    key: str | None = None

    @property
    def step(self) -> str:
        return str(self.index) if self.symbol == "[" or self.key is None else self.key


def _inner(stack: list[_Open], path: Path) -> Path:
    return (*path, stack[-1].step) if stack else ()


def _mark_item(marks: Marks, stack: list[_Open], path: Path, place: Place) -> None:
    if stack and stack[-1].symbol == "[":
        marks[(*path, stack[-1].step)] = place
    elif not stack:
        marks[()] = place


class _Lines:
    """Offsets to places, by the starts of lines."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(self, offset: int) -> Place:
        from bisect import bisect_right

        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)
