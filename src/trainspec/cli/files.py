"""The documents of settings that a word of the command line stands for: a path, a URL, a folder, a pattern, or `-`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from trainspec.cli.faults import CannotRun
from trainspec.cli.options import Given, Option
from trainspec.settings.diagnostics import SourceError
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.files import (
    FORMATS,
    Document,
    format_of,
    parse_documents,
    paths_in,
    source_error,
)
from trainspec.settings.sources.formats.limits import LARGEST_FILE
from trainspec.text.redaction import printable

STDIN = "-"
STDIN_OPTIONS = (
    Option("stdin-name", "what to call what - reads; its ending tells the format", "NAME"),
    Option("stdin-format", "the format of what - reads, else yaml", "FORMAT", tuple(dict.fromkeys(FORMATS.values()))),
)
_MAGIC = frozenset("*?[")


def files_named(given: Given, option: str | None = None) -> list[str]:
    """The files of settings that the words, or the values of an option, name: several with commas. Raises CannotRun."""
    texts, where = (given.words, "FILE") if option is None else (given.lists.get(option, []), f"--{option}")
    try:
        return [path for text in texts for path in paths_in(text, Source(SourceKind.FLAG, where))]
    except SourceError as error:
        raise CannotRun(*error.diagnostics) from None


def files_in(word: str) -> Iterator[str]:
    """The path itself, every file of settings below a folder, or all that a pattern matches, sorted.

    Raises SourceError for a folder or a pattern without any.
    """
    if "://" in word or word == STDIN:
        yield word
    elif _is_folder(word):
        yield from _some(sorted(_walk(word)), f"in {word}", word)
    elif _MAGIC.intersection(word) and not os.path.lexists(word):
        yield from _some(list(_matches(word)), f"that matches {word}", word)
    elif "," in word and len(several := _beside_commas(word)) > 1:
        remedy = f"write {printable(' '.join(several))}, and --together where each is laid over those before it"
        raise source_error(
            "SRC105", f"there is no file {word}; here every file is a word of its own", word, remedy=remedy
        )
    else:
        yield word


def _beside_commas(word: str) -> list[str]:
    """The files that other commands take a word for, where it names no file itself."""
    try:
        if os.path.lexists(word):
            return []
        return list(paths_in(word, Source(SourceKind.FLAG, "FILE")))
    except (SourceError, ValueError):
        return []


def _some(found: list[str], where: str, word: str) -> list[str]:
    if not found:
        raise source_error("SRC105", f"there is no file of settings (*{', *'.join(FORMATS)}) {where}", word)
    return found


def _is_folder(path: str) -> bool:
    try:
        return os.path.isdir(path)
    except ValueError:
        return False


def _walk(folder: str) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if _is_settings(name) and not name.startswith("."):
                yield os.path.join(place, name)


def _matches(pattern: str) -> Iterator[str]:
    """As a shell with globstar expands it, without what cannot be settings; folders are searched."""
    from glob import glob

    seen: set[str] = set()
    for path in sorted(glob(pattern, recursive=True)):
        for file in sorted(_walk(path)) if os.path.isdir(path) else [path] * _is_settings(path):
            if (plain := os.path.normpath(file)) not in seen:
                seen.add(plain)
                yield plain


def _is_settings(name: str) -> bool:
    # What init lays beside a file of settings is in its folder, and is none.
    return os.path.splitext(name)[1].lower() in FORMATS and not name.lower().endswith(".schema.json")


def stdin_name(given: Given) -> str:
    """What diagnostics call stdin."""
    return given.get("stdin_name") or "stdin"


def stdin_documents(given: Given) -> Iterator[Document]:
    """Every document of stdin. Raises SourceError."""
    name = stdin_name(given)
    text = sys.stdin.buffer.read(LARGEST_FILE + 1)
    if len(text) > LARGEST_FILE:
        raise source_error("SRC109", f"{name} is larger than {LARGEST_FILE:,} bytes", name)
    format = given.get("stdin_format") or (format_of(name) if given.has("stdin_name") else "yaml")
    yield from parse_documents(text, format, name, at=given.get("at"), keep_faults=True)
