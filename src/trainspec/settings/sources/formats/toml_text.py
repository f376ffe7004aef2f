"""TOML by the standard library, and the line of every key, found only when somebody asks."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from trainspec.settings.sources.formats.limits import (
    DEEPEST,
    LONGEST_TEXT,
    MOST_FAULTS,
    Fault,
    Marks,
    Path,
    Place,
    check_size,
    is_deeper,
    too_many_digits,
)

# The parser is written in Python: a key or a table takes it as long as ten values of a list, a part of a key as five.
_MOST_MARKS, _MOST_PARTS = 25_000, 40_000
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")
_SIMPLE = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
_DOTTED = rf"{_SIMPLE}(?:[ \t]*\.[ \t]*{_SIMPLE})*"
_PART = re.compile(_SIMPLE)
_LONG_NUMBER = re.compile(r"0[xob][0-9a-fA-F_]{3000}")
_MOST_BITS = 14_000
_DIGITS = re.compile(r"-?[0-9_]+")
_HEADER = re.compile(rf"\[\[?[ \t]*({_DOTTED})[ \t]*\]\]?")
_KEY = re.compile(rf"({_DOTTED})[ \t]*=")
# Texts and comments, words, the dots of keys, blanks, and all else; each is passed over once, whatever comes behind.
_PIECE = re.compile(
    r'''"""(?:\\[\s\S]|[^\\])*?(?:"{3,5}(?!")|\Z)|'{3}[\s\S]*?(?:'{3,5}(?!')|\Z)|"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?'''
    r"""|\#[^\n]*|[A-Za-z0-9_-]+|\.|[ \t]+|[^"'#.A-Za-z0-9_ \t-]+"""
)
_TOKEN = re.compile(
    r'''"""(?:\\[\s\S]|[^\\])*?"{3,5}(?!")|'{3}[\s\S]*?'{3,5}(?!')|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*|\n'''
    r"""|[ \t]+|[^\s"'#\[\]{}]+"""
)


def parse_toml(text: str, *, faults: list[Fault] | None = None) -> Any:
    """The table of a TOML text. Raises Fault.

    Keys that stand twice go into `faults`, where it is given, and the first of each counts.
    """
    check_size(text, "=,[")
    check_size(text, "=[", _MOST_MARKS)
    _check_depth(text)
    while True:
        try:
            return _parsed(text)
        except Fault as fault:
            rest = _without_line(text, fault)
            again = faults is not None and len(faults) * len(text) < LONGEST_TEXT // 2
            if faults is None or rest is None or len(faults) >= MOST_FAULTS or not again:
                raise
            faults.append(fault)
            text = rest


def _check_depth(text: str) -> None:
    """Raises Fault for a dotted key of too many parts, over which the parser would take time by their square.

    And for too many parts in all, without the one dot that a number has.
    """
    if text.count(".") < DEEPEST:
        return
    dots, behind_dot, parts, before = 0, False, 0, ""
    for found in _PIECE.finditer(text):
        piece = found.group()
        sign = piece[0]
        if sign == ".":
            dots, behind_dot = dots + 1, True
            parts += dots > 1 or not _DIGITS.fullmatch(before)
            if dots >= DEEPEST or parts > _MOST_PARTS:
                place = Place(text.count("\n", 0, found.start()) + 1, 1)
                whose, most = ("a key in it has", DEEPEST) if dots >= DEEPEST else ("its keys have", _MOST_PARTS)
                raise Fault("SRC109", f"{whose} more than {most:,} parts", place)
        elif sign not in " \t":
            dots, behind_dot, before = dots if behind_dot else 0, False, piece


def _without_line(text: str, fault: Fault) -> str | None:
    """The text with the line of a second key made a comment, so that all below it is read; None for any other fault."""
    if fault.code != "SRC104" or fault.place is None:
        return None
    lines = text.split("\n")
    number = fault.place.line - 1
    # The parser stops behind the value: at its line's end, or at the start of the next line.
    if _KEY.match(lines[number].lstrip()) is None:
        return None
    lines[number] = "#"
    return "\n".join(lines)


def _parsed(text: str) -> Any:
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _PLACE.search(str(error))
        place = Place(int(found[1]), int(found[2])) if found else None
        if place is None and "end of document" in str(error):
            place = Place(text.rstrip().count("\n") + 1, 1)
        code = "SRC104" if "Cannot overwrite a value" in str(error) else "SRC107"
        raise Fault(code, f"it is not valid TOML: {_PLACE.sub('', str(error)).strip()}", place) from None
    except RecursionError:
        raise Fault("SRC109", "it nests too deep", None) from None
    except ValueError as error:
        if "int_max_str_digits" in str(error):
            raise too_many_digits() from None
        raise Fault("SRC107", f"it is not valid TOML: {error}", None) from None
    if is_deeper(value, DEEPEST):
        raise Fault("SRC109", f"it nests deeper than {DEEPEST} levels", None)
    if _LONG_NUMBER.search(text) and _has_too_many_digits(value):
        raise too_many_digits()
    return value


def _has_too_many_digits(value: Any) -> bool:
    """Whether an integer is in it that Python reads, of a base that is a power of two, and does not write."""
    if isinstance(value, dict | list):
        return any(map(_has_too_many_digits, value.values() if isinstance(value, dict) else value))
    return type(value) is int and value.bit_length() > _MOST_BITS


def toml_marks(text: str) -> Marks:
    """The place of every key that begins a line, in a text that is valid TOML; keys of inline tables share it."""
    marks: Marks = {}
    table: Path = ()
    begun, depth, line, start = False, 0, 1, 0
    position = 0
    while position < len(text):
        if not begun and depth == 0 and (head := _HEADER.match(text, position) or _KEY.match(text, position)):
            path = (*(() if head.re is _HEADER else table), *_parts(head[1]))
            table = path if head.re is _HEADER else table
            marks.setdefault(path, Place(line, head.start(1) - start + 1))
            begun, position = True, head.end()
            continue
        token = _TOKEN.match(text, position)
        found = token.group() if token else text[position]
        position += len(found)
        depth += (found in ("[", "{")) - (found in ("]", "}"))
        if "\n" in found:
            line += found.count("\n")
            start = position - len(found) + found.rindex("\n") + 1
            begun = False
    return marks


def _parts(dotted: str) -> Path:
    parts = (part.group() for part in _PART.finditer(dotted))
    return tuple(_unquoted(part) for part in parts)


def _unquoted(part: str) -> str:
    if part.startswith('"') and "\\" not in part:
        return part[1:-1]
    if part.startswith('"'):
        key: str = next(iter(tomllib.loads(f"{part} = 0")))
        return key
    return part.strip("'")
