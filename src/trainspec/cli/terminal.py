"""Answers to stdout, talk to stderr, colour on terminals only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from trainspec.reports.json_text import json_text

if TYPE_CHECKING:
    from trainspec.settings.diagnostics import Diagnostic

FINE, FINDINGS, COULD_NOT_RUN = 0, 1, 2

# Sources that could not be read at all; whatever is wrong inside a file that could be is a finding.
_UNREADABLE = frozenset({"SRC105", "SRC106", "SRC111", "SRC114", "SRC120", "SRC121", "SRC122"})
_STYLES = {"bold": "\x1b[1m", "dim": "\x1b[2m", "off": "\x1b[0m"}


def uses_color(stream: TextIO) -> bool:
    """Whether to colour: on terminals, unless NO_COLOR is set; FORCE_COLOR colours elsewhere too."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def style(text: str, name: str) -> str:
    """Text for stdout in a style, where stdout shows styles."""
    return f"{_STYLES[name]}{text}{_STYLES['off']}" if text and uses_color(sys.stdout) else text


def say(diagnostics: Iterable[Diagnostic]) -> None:
    """Diagnostics to stderr."""
    color = uses_color(sys.stderr)
    text = "\n\n".join(item.render(color=color) for item in diagnostics)
    if text:
        print(text, file=sys.stderr)


def answer_json(data: Mapping[str, Any]) -> None:
    """The answer as JSON, under the version of its shape."""
    print(json_text(data))


def exit_code(diagnostics: Iterable[Diagnostic]) -> int:
    """0 without errors, 2 where a source could not be read, else 1."""
    codes = [item.code for item in diagnostics if item.severity == "error"]
    if not codes:
        return FINE
    return COULD_NOT_RUN if _UNREADABLE.intersection(codes) else FINDINGS


def counted(number: int, noun: str) -> str:
    """ "1 file", "2 files"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
