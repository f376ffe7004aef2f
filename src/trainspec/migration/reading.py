"""What a word of `trainspec migrate` names: settings, a file of another program, a script, a pickle, a command line."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from trainspec.migration.documents import Found, found_in_file
from trainspec.migration.local_files import LARGEST_SOURCE, decoded, read_bytes
from trainspec.settings.diagnostics import Diagnostic, Evidence, SourceError
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.files import (
    FORMATS,
    Document,
    format_of,
    parse_documents,
    read_plain,
    source_error,
)
from trainspec.settings.sources.formats.limits import LARGEST_FILE
from trainspec.storage.regular import read_regular

STDIN = "-"
_ENDINGS = {
    ".py": "python",
    ".bin": "pickle",
    ".pt": "pickle",
    ".pkl": "pickle",
    ".ipynb": "notebook",
    **dict.fromkeys(
        (".sh", ".bash", ".zsh", ".ksh", ".slurm", ".sbatch", ".slrm", ".job", ".pbs", ".lsf", ".qsub"), "cli"
    ),
    ".bat": "bat",
    ".cmd": "bat",
    ".ps1": "powershell",
}
SCRIPTS = frozenset({"cli", "bat", "powershell", "notebook"})
# Files that start trainings in ways of their own.
_NOT_READ = {
    "makefile": "a Makefile, whose variables make fills in",
    "dockerfile": "a Dockerfile, which says how an image is built",
}

__all__ = ["SCRIPTS", "Found", "foreign_kind", "format_of_source", "read_sources"]


def format_of_source(path: str, *, exactly: bool = False) -> str:
    """The kind of source by its ending or first line: file, python, pickle, or one of SCRIPTS; `exactly`: the format of
    a file of settings. Raises SourceError for files whose commands are not read.
    """
    if exactly:
        return format_of(path)
    name = os.path.basename(path).lower()
    ending = os.path.splitext(name)[1]
    if ending in FORMATS or path == STDIN:
        return "file"
    for begin, what in _NOT_READ.items():
        if (
            name == begin
            or name.startswith(f"{begin}.")
            or name.endswith(f".{begin}")
            or (begin == "makefile" and ending == ".mk")
        ):
            remedy = "copy the command out of it: trainspec migrate --from cli 'python train.py --seed 7'"
            raise source_error("SRC114", f"{path} is {what}; its commands are not read", path, remedy=remedy)
    return _ENDINGS.get(ending) or _by_first_line(path) or "file"


def _by_first_line(path: str) -> str:
    """What `#!` names as the reader of a file whose name tells nothing."""
    try:
        first = read_regular(Path(path), 200).partition(b"\n")[0]
    except (OSError, ValueError):
        return ""
    if not first.startswith(b"#!"):
        return ""
    return "python" if b"python" in first else "cli" if re.search(rb"\b(?:ba|z|da|k)?sh\b", first) else ""


def read_sources(path: str, kind: str, at: str | None, number: int | None = None) -> list[Found]:
    """Every set of settings in a source, of a script that of one command (by `number`). Raises SourceError."""
    if kind == "pickle":
        return [_read_pickle(path)]
    if kind in SCRIPTS:
        return [_read_script(path, kind, number)]
    if kind == "python":
        from trainspec.migration.calls import read_calls

        return read_calls(_text(path), path)
    from trainspec.migration.foreign.reading import found_in_foreign

    documents = _documents(path, at)
    return [found_in_foreign(document) or found_in_file(document) for document in documents]


def foreign_kind(path: str, at: str | None) -> str:
    """The program whose configuration a file is; "" for one of settings, and for what cannot be read."""
    from trainspec.migration.foreign.kinds import kind_of

    try:
        kinds = [kind_of(document.values) for document in _documents(path, at)]
    except SourceError:
        return ""
    return next(filter(None, kinds), "")


def _documents(path: str, at: str | None) -> list[Document]:
    format, text = ("yaml" if path == STDIN else format_of(path)), _text(path)
    try:
        return list(parse_documents(text, format, path, at=at))
    except SourceError:
        from trainspec.migration.foreign.commented_json import without_comments
        from trainspec.migration.foreign.kinds import kind_of

        plain = without_comments(text) if format == "json" else text
        if plain == text:
            raise
        documents = list(parse_documents(plain, format, path, at=at))
        if not any(kind_of(document.values) for document in documents):
            raise
        return documents


def _text(path: str) -> str:
    if path != STDIN:
        return read_plain(path)
    return decoded(sys.stdin.buffer.read(LARGEST_FILE + 1), "stdin").removeprefix("\ufeff")


def _read_script(word: str, kind: str, number: int | None) -> Found:
    """A script: what stands in a file of that name, stdin, or a command line, the word itself."""
    from trainspec.migration.scripts.reading import read_script

    is_file = word == STDIN or kind != "cli" or _is_file(word)
    name = ("stdin" if word == STDIN else word) if is_file else "command line"
    return read_script(_text(word) if is_file else word, name, kind, number, is_file=is_file)


def _is_file(word: str) -> bool:
    try:
        return os.path.isfile(word) or (os.path.splitext(word)[1].lower() in _ENDINGS and " " not in word)
    except ValueError:
        return False


def _read_pickle(path: str) -> Found:
    from trainspec.migration.pickles import Refused, read_training_args

    content = sys.stdin.buffer.read(LARGEST_SOURCE + 1) if path == STDIN else read_bytes(path)
    try:
        return read_training_args(content, path)
    except Refused as why:
        evidence = (Evidence("", None, Source(SourceKind.FILE, path)),)
        message, reason = f"{path} was not read: {why}", "it is read as data, and nothing else that it asks for is done"
        remedy = "save the settings as JSON, by args.to_json_string(), and migrate that"
        raise SourceError(Diagnostic("CLI110", "refused-pickle", "error", message, reason, remedy, evidence)) from None
