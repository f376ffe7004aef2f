"""JSON by the standard library, strict, and the place of every value, worked out only when somebody asks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from trainspec.settings.sources.formats.limits import (
    DEEPEST,
    LINE_ENDS,
    MOST_FAULTS,
    Fault,
    Marks,
    Path,
    Place,
    check_size,
    is_deeper,
    too_many_digits,
)

_CONSTANTS = ("NaN", "Infinity", "-Infinity")
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def parse_json(text: str, *, faults: list[Fault] | None = None) -> Any:
    """The value of a JSON text. Raises Fault: bad syntax, NaN or Infinity, duplicate keys, too deep.

    Keys that stand twice go into `faults`, where it is given, and the first of each counts.
    """
    check_size(text, ",[{:")
    twice: list[Fault] = []

    def first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        try:
            return _unique(pairs)
        except Fault as fault:
            twice.append(fault)
            return dict(reversed(pairs))

    try:
        try:
            # Of a mark of byte order the standard library says more than its decoder.
            value = json.loads(text) if text[:1] == "\ufeff" else _STRICT.decode(text)
        except Fault as fault:
            if faults is None or fault.code != "SRC104":
                raise
            value = json.loads(text, object_pairs_hook=first_of_each, parse_constant=_refuse_constant)
    except Fault as fault:
        raise _placed(fault, text) from None
    except json.JSONDecodeError as error:
        raise Fault("SRC107", f"it is not valid JSON: {error.msg}", Place(error.lineno, error.colno)) from None
    except RecursionError:
        raise Fault("SRC109", "it nests too deep", None) from None
    except ValueError as error:
        if "int_max_str_digits" in str(error):
            raise too_many_digits() from None
        raise Fault("SRC107", f"it is not valid JSON: {error}", None) from None
    if text.count("[") + text.count("{") > DEEPEST and is_deeper(value, DEEPEST):
        raise Fault("SRC109", f"it nests deeper than {DEEPEST} levels", None)
    if faults is not None and twice:
        faults += _second_keys(text)
    if _HALF_PAIR.search(text) and _has_surrogate(value):
        raise Fault("SRC107", "it is not valid JSON: half of a surrogate pair stands alone", None)
    return value


def _placed(fault: Fault, text: str) -> Fault:
    """The fault with its place, which the standard library's hooks do not tell; all text before it is valid."""
    if fault.code == "SRC104":
        return next(_second_keys(text), fault)
    # What stands behind one without a blank is of the same token: the parser stops before it.
    constants = (token for token in _TOKEN.finditer(text) if token.group().startswith(_CONSTANTS))
    first = next(constants, None)
    return Fault(fault.code, fault.message, None if first is None else _Lines(text).place(first.start()))


def _second_keys(text: str) -> Iterator[Fault]:
    """Each key that stands twice, but none inside a mapping that does."""
    seen: dict[Path, Place] = {}
    twice: set[Path] = set()
    for path, place in _places(text):
        first = seen.setdefault(path, place)
        if first is place or any(path[:length] in twice for length in range(1, len(path))):
            continue
        if len(twice) < MOST_FAULTS:
            yield Fault("SRC104", f"the key {path[-1]} stands twice (first in line {first.line})", place)
        twice.add(path)


def _has_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        left = dict.fromkeys(mapping)
        twice = next(name for name, _ in pairs if left.pop(name, name) is not None)
        raise Fault("SRC104", f"the key {twice} stands twice", None)
    return mapping


def _refuse_constant(name: str) -> Any:
    raise Fault("SRC107", f"it is not valid JSON: {name} is not a JSON number", None)


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)


def json_marks(text: str) -> Marks:
    """The place of every key (for an item of a list, of the item) in a text that is valid JSON."""
    return dict(_places(text))


def _places(text: str) -> Iterator[tuple[Path, Place]]:
    lines = _Lines(text)
    # For each mapping or list around the token: its path, and the key or number that the next value has in it.
    around: list[tuple[Path, str | int | None]] = []
    for token in _TOKEN.finditer(text):
        symbol = token.group()
        path, key = around[-1] if around else ((), None)
        if symbol in ("}", "]"):
            around.pop()
        elif symbol == ",":
            around[-1] = (path, key + 1 if isinstance(key, int) else None)
        elif symbol == ":":
            continue
        elif around and key is None:
            around[-1] = (path, str(json.loads(symbol)))
            yield (*path, str(around[-1][1])), lines.place(token.start())
        else:
            inner = (*path, str(key)) if around else ()
            if not isinstance(key, str):
                yield inner, lines.place(token.start())
            if symbol in ("{", "["):
                around.append((inner, 0 if symbol == "[" else None))


class _Lines:
    """Offsets to places, by the starts of lines."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in LINE_ENDS.finditer(text))]

    def place(self, offset: int) -> Place:
        from bisect import bisect_right

        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)
