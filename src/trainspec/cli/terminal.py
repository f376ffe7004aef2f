"""Answers to stdout, talk to stderr, colour on terminals only, and in which language: --lang, or the locale's."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TextIO

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import Given, Option
from trainspec.text.languages import LANGUAGES, VARIABLE, Words, language_of, language_of_system, words_of

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


def say(diagnostics: Iterable[Diagnostic], words: Words = str) -> None:
    """Diagnostics to stderr."""
    color = uses_color(sys.stderr)
    text = "\n\n".join(item.render(color=color) for item in told(diagnostics, words))
    if text:
        print(text, file=sys.stderr)


def told(diagnostics: Iterable[Diagnostic], words: Words) -> list[Diagnostic]:
    """Diagnostics in these words."""
    if words is str:
        return list(diagnostics)
    from trainspec.settings.diagnostics.telling import told_in

    return told_in(diagnostics, words)


def answer_json(data: Mapping[str, Any]) -> None:
    """The answer as JSON, under the version of its shape."""
    from trainspec.reports.json_text import json_text

    print(json_text(data))


def exit_code(diagnostics: Iterable[Diagnostic]) -> int:
    """0 without errors, 2 where a source could not be read, else 1."""
    codes = [item.code for item in diagnostics if item.severity == "error"]
    if not codes:
        return FINE
    return COULD_NOT_RUN if _UNREADABLE.intersection(codes) else FINDINGS


def counted(number: int, noun: str, words: Words = str) -> str:
    """ "1 file", "2 files"."""
    counted_noun = words("{number} " + noun)
    return f"{number:,} {noun}{'s' * (number != 1)}" if words is str else counted_noun.format(number=f"{number:,}")


def summary_line(summary: dict[str, int], words: Words, *, of_files: bool) -> str:
    """The numbers of a judgement."""
    parts = [counted(summary["files"], "file", words)] if of_files else []
    if summary["documents"] != summary["files"]:
        parts.append(counted(summary["documents"], "document", words))
    notes = [counted(summary["notes"], "note", words)] if summary["notes"] else []
    comma = words(", ")
    if not summary["errors"] and not summary["warnings"]:
        judged = comma.join(parts) or words("environment")
        return comma.join((words("{judged}: nothing wrong").format(judged=judged), *notes))
    parts += [counted(summary["errors"], "error", words), counted(summary["warnings"], "warning", words), *notes]
    return comma.join(parts)


LANG = Option(
    "lang",
    "en or zh; without it, text is told as TRAINSPEC_LANG or the locale says, and what programs read is in English",
    "LANGUAGE",
    LANGUAGES,
)


def words_for(given: Given, form: str | None = None) -> Words:
    """The words of an answer in this form; of one for programs English, unless --lang says otherwise."""
    said = given.get("lang")
    if said is not None:
        return words_of(said)
    return words_here() if (form or given.get("format") or "text") == "text" else str


def words_of_line(argv: Sequence[str]) -> Words:
    """The words for what is said of a command line that could not be read, or not be answered."""
    apart = (word.partition("=") for word in argv)
    options = {name: value for name, between, value in apart if between}
    options |= {name: value for name, value in pairwise(argv) if name in ("--lang", "--format")}
    named = options.get("--lang")
    if named in LANGUAGES:
        return words_of(named)
    return words_of_system() if named is None and options.get("--format", "text") == "text" else str


def words_of_system() -> Words:
    """The words for people at this process, English where a variable of ours names no language of ours."""
    return words_of(language_of(os.environ.get(VARIABLE) or "") or language_of_system(os.environ))


def words_here() -> Words:
    """The words for people at this process. Raises CannotRun for a variable of ours that names no language of ours."""
    named = os.environ.get(VARIABLE, "")
    if not named:
        return words_of(language_of_system(os.environ))
    language = language_of(named)
    if language is None:
        raise CannotRun(mistake("CLI103", f"{VARIABLE} takes {' or '.join(LANGUAGES)}"))
    return words_of(language)


def schema_base(said: str | None = None) -> str | None:
    """The address of the folder in which schemas/ is published, as an option or our variable says; None where neither
    does. Raises CannotRun.
    """
    from trainspec.export.places import VARIABLE as PLACE
    from trainspec.export.places import is_base

    base = os.environ.get(PLACE) if said is None else said
    if base and not is_base(base):
        message = f"{PLACE if said is None else '--base'} takes the address of a folder"
        raise CannotRun(mistake("CLI103", message, "such as https://example.org/schemas"))
    return base or None
