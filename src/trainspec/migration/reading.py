"""What a word of `trainspec migrate` names: a file of settings, a Python file, a pickle, or a command line itself."""

from __future__ import annotations

import os
import sys

from trainspec.migration.documents import Found, found_in_file
from trainspec.migration.local_files import decoded, read_bytes
from trainspec.settings.diagnostics import Diagnostic, Evidence, SourceError
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.files import FORMATS, LARGEST_FILE, format_of, parse_documents, read_plain

STDIN = "-"
_ENDINGS = {".py": "python", ".bin": "pickle", ".pt": "pickle", ".pkl": "pickle", ".sh": "cli"}

__all__ = ["Found", "format_of_source", "read_sources"]


def format_of_source(path: str, *, exactly: bool = False) -> str:
    """The kind of source by its ending: file, python, pickle, cli; `exactly`: the format of a file of settings."""
    if exactly:
        return format_of(path)
    ending = os.path.splitext(path)[1].lower()
    return "file" if ending in FORMATS or path == STDIN else _ENDINGS.get(ending, "file")


def read_sources(path: str, kind: str, at: str | None) -> list[Found]:
    """Every set of settings in a source. Raises SourceError."""
    if kind == "pickle":
        return [_read_pickle(path)]
    if kind == "cli":
        return [_read_words(path)]
    text = _text(path)
    if kind == "python":
        from trainspec.migration.calls import read_calls

        return read_calls(text, path)
    format = "yaml" if path == STDIN else format_of(path)
    return [found_in_file(document) for document in parse_documents(text, format, path, at=at)]


def _text(path: str) -> str:
    if path != STDIN:
        return read_plain(path)
    return decoded(sys.stdin.buffer.read(LARGEST_FILE + 1), "stdin").removeprefix("\ufeff")


def _read_words(word: str) -> Found:
    """A command line: the word itself, what stands in a file of that name, or stdin."""
    from trainspec.migration.command_lines import read_command_line

    is_file = word == STDIN or os.path.isfile(word)
    found = read_command_line(_text(word) if is_file else word, word if is_file else "command line")
    found.is_words = not is_file
    return found


def _read_pickle(path: str) -> Found:
    from trainspec.migration.pickles import Refused, read_training_args

    content = sys.stdin.buffer.read(LARGEST_FILE + 1) if path == STDIN else read_bytes(path)
    try:
        return read_training_args(content, path)
    except Refused as why:
        evidence = (Evidence("", None, Source(SourceKind.FILE, path)),)
        message, reason = f"{path} was not read: {why}", "it is read as data, and nothing else that it asks for is done"
        remedy = "save the settings as JSON, by args.to_json_string(), and migrate that"
        raise SourceError(Diagnostic("CLI110", "refused-pickle", "error", message, reason, remedy, evidence)) from None
