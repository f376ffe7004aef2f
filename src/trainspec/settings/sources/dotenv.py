"""A dotenv file as variables with their lines. Values stand as written: `${NAME}` is not expanded."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.files import read_plain, source_error
from trainspec.settings.sources.formats.limits import Place
from trainspec.settings.sources.variables import Variables, naming

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.sources.customised.options import SourceOptions


def read_dotenv(path: str, model: type[Settings], options: SourceOptions) -> Variables:
    """The variables of a dotenv file that are ours. Raises SourceError: missing, unreadable, bad line."""
    from dotenv.parser import parse_stream

    pairs: list[tuple[str, str]] = []
    lines: dict[str, int] = {}
    is_ours, made = naming(model, options)
    for binding in parse_stream(io.StringIO(read_plain(path, options.env_file_encoding))):
        line = binding.original.line + _blank_lines_before(binding.original.string)
        if binding.error:
            raise source_error("SRC107", f"{path}: line {line} is not NAME=value", path, Place(line, 1))
        if binding.key is None or not is_ours(binding.key):
            continue
        if binding.value is None:
            raise source_error("SRC107", f"{path}: line {line} is not NAME=value", path, Place(line, 1))
        if binding.key in lines:
            message = f"{path}: {binding.key} stands twice (first in line {lines[binding.key]})"
            raise source_error("SRC104", message, path, Place(line, 1))
        lines[binding.key] = line
        pairs.append((binding.key, binding.value))
    return made(pairs, SourceKind.DOTENV, lambda name: Source(SourceKind.DOTENV, path, lines.get(name)))


def _blank_lines_before(text: str) -> int:
    """The parser counts blank lines before a binding as part of it."""
    return text[: len(text) - len(text.lstrip())].count("\n")
