"""TOML by the standard library, and the line of every key, found only when somebody asks."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from trainspec.settings.sources.reading import DEEPEST, Fault, Marks, Path, Place, is_deeper

_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")
_HEADER = re.compile(r"\s*\[\[?([^\]]+)\]\]?")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_LONG = re.compile(r'"""|\'\'\'')


def parse_toml(text: str) -> Any:
    """The table of a TOML text. Raises Fault."""
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _PLACE.search(str(error))
        place = Place(int(found[1]), int(found[2])) if found else None
        code = "SRC104" if "Cannot overwrite a value" in str(error) else "SRC107"
        raise Fault(code, f"it is not valid TOML: {_PLACE.sub('', str(error)).strip()}", place) from None
    except (RecursionError, ValueError) as error:
        raise Fault("SRC107", f"it is not valid TOML: {type(error).__name__}", None) from None
    if is_deeper(value, DEEPEST):
        raise Fault("SRC109", f"it nests deeper than {DEEPEST} levels", None)
    return value


def toml_marks(text: str) -> Marks:
    """The place of every key that begins a line, in a text that is valid TOML; keys of inline tables share it."""
    marks: Marks = {}
    table: Path = ()
    inside: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        start = line
        if inside is None:
            if header := _HEADER.match(line):
                table = _parts(header[1])
                marks.setdefault(table, Place(number, 1))
            elif key := _KEY.match(line):
                path = (*table, *_parts(key[1]))
                marks.setdefault(path, Place(number, key.start(1) + 1))
                start = line[key.end() :]
        inside = _string_open_after(start, inside)
    return marks


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _string_open_after(line: str, inside: str | None) -> str | None:
    """Which long-string delimiter, if any, is still open at the end of the line."""
    for delimiter in _LONG.findall(line):
        if inside is None:
            inside = delimiter
        elif inside == delimiter:
            inside = None
    return inside
