"""Notebooks: `!python train.py ...` and `%%bash` cells, as one shell script; what Python puts in is unknown."""

from __future__ import annotations

import json
import re
from typing import Any

from trainspec.migration.scripts.words import Marks
from trainspec.settings.sources.files import source_error

_PYTHON = re.compile(r"(?<![$\\])\{[A-Za-z_][^{}\"']*\}")
_SHELL_CELL = re.compile(r"%%(?:bash|sh|script\s+(?:ba)?sh)\b.*")
_VARIABLE = re.compile(r"%(?:set_env|env)\s+(\w+)(?:=|\s+)(.+)")


def shell_of(text: str, name: str, marks: Marks) -> str:
    """A shell script with the shell lines of every cell, on the lines where the notebook has them.

    Raises SourceError for what is no notebook.
    """
    try:
        cells = json.loads(text)["cells"]
        sources = [_source(cell) for cell in cells if cell.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise source_error("SRC107", f"{name}: it does not read as a notebook", name) from None
    places = _Places(text)
    lines: dict[int, str] = {}
    for source in sources:
        whole = _SHELL_CELL.fullmatch(source[0]) is not None if source else False
        continued = False
        for number, line in enumerate(source):
            at = places.next(line, number + 1 == len(source))
            shell = "" if whole and number == 0 else _shell_line(line, marks, inside=whole or continued)
            continued = bool(shell) and not whole and line.endswith("\\")
            if shell:
                lines[at] = shell
    last = max(lines, default=0)
    return "\n".join(lines.get(number, "") for number in range(1, last + 1)) + "\n"


def _source(cell: dict[str, Any]) -> list[str]:
    source = cell["source"]
    return ("".join(source) if isinstance(source, list) else str(source)).split("\n")


def _shell_line(line: str, marks: Marks, *, inside: bool) -> str:
    if inside:
        return line if "%%" in line else _with_unknown(line, marks)
    plain = line.strip()
    found = _VARIABLE.fullmatch(plain)
    if found is not None:
        return f"export {found[1]}={_quoted(found[2].strip())}"
    shell = re.fullmatch(r"(?:\w+\s*=\s*)?!+(.*)", plain, re.S)
    return _with_unknown(shell[1], marks) if shell is not None else ""


def _quoted(value: str) -> str:
    bare = value[1:-1] if value[:1] in ("'", '"') and value[-1:] == value[:1] else value
    return "'" + bare.replace("'", "'\\''") + "'"


def _with_unknown(line: str, marks: Marks) -> str:
    reason = "Python puts it in when the cell runs"
    return _PYTHON.sub(lambda found: marks.unknown(found[0], reason), line)


class _Places:
    """Which line of the notebook's text each line of a cell is on."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._at = 0

    def next(self, line: str, last: bool) -> int:
        written = json.dumps(line if last else line + "\n", ensure_ascii=False)
        ascii_only = json.dumps(line if last else line + "\n")
        for number in range(self._at, len(self._lines)):
            stripped = self._lines[number].strip().rstrip(",")
            if stripped in (written, ascii_only):
                self._at = number + 1
                return number + 1
        # Cells on one line: their lines follow one another, which keeps their order.
        self._at += 1
        return self._at
