"""A dotenv file as variables with their lines, `${NAME}` and `${NAME:-default}` expanded as python-dotenv does."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics import Diagnostic, Evidence, SourceError
from trainspec.settings.diagnostics.bounds import MOST_TOLD
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.files import read_plain, source_error
from trainspec.settings.sources.formats.limits import LONGEST_TEXT, Place
from trainspec.settings.sources.variables import Variables, naming
from trainspec.text.redaction import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dotenv.parser import Binding

    from trainspec.settings.base import Settings
    from trainspec.settings.sources.customised.options import SourceOptions

_MOST_WORK = 2**24


def read_dotenv(
    path: str, model: type[Settings], options: SourceOptions, environ: Mapping[str, str] | None = None
) -> tuple[Variables, list[Diagnostic]]:
    """The variables of a dotenv file that are ours, and a warning for each name in them that nothing sets.

    Raises SourceError: missing, unreadable, bad line.
    """
    text = read_plain(path, options.env_file_encoding)
    return parse_dotenv(text, path, model, options, os.environ if environ is None else environ)


def parse_dotenv(
    text: str, path: str, model: type[Settings], options: SourceOptions, environ: Mapping[str, str]
) -> tuple[Variables, list[Diagnostic]]:
    """As read_dotenv, of a text; `environ` has what `${NAME}` may stand for beside the lines above it.

    Raises SourceError: a bad line, or more than anybody writes.
    """
    pairs: list[tuple[str, str]] = []
    lines: dict[str, int] = {}
    expanding = _Expanding(path, environ)
    is_ours, made = naming(model, options)
    for binding in bindings(text):
        line = binding.original.line + _blank_lines_before(binding.original.string)
        if binding.error:
            raise source_error("SRC107", f"{path}: line {line} is not NAME=value", path, Place(line, 1))
        if binding.key is None:
            continue
        ours = is_ours(binding.key)
        if not ours:
            expanding.take(binding.key, binding.value, None)
            continue
        if binding.value is None:
            raise source_error("SRC107", f"{path}: line {line} is not NAME=value", path, Place(line, 1))
        if binding.key in lines:
            message = f"{path}: {binding.key} stands twice (first in line {lines[binding.key]})"
            raise source_error("SRC104", message, path, Place(line, 1))
        lines[binding.key] = line
        pairs.append((binding.key, expanding.take(binding.key, binding.value, line)))
    variables = made(pairs, SourceKind.DOTENV, lambda name: Source(SourceKind.DOTENV, path, lines.get(name)))
    return variables, expanding.found


def bindings(text: str) -> Iterator[Binding]:
    """The lines of a dotenv file, each as it stands, with its name and value where it has them; `error` where it cannot
    be read.
    """
    from dotenv.parser import parse_stream

    return parse_stream(io.StringIO(text))


class _Expanding:
    """What `${NAME}` stands for in each line: what a line above says, else the environment."""

    def __init__(self, path: str, environ: Mapping[str, str]) -> None:
        self.found: list[Diagnostic] = []
        self._path = path
        self._environ = environ
        self._above: dict[str, str] = {}
        self._length = 0

    def take(self, name: str, value: str | None, line: int | None) -> str:
        """The value expanded; names that nothing sets are told where a line is given."""
        if value is not None and "${" in value:
            # The search for names goes to the end of the value for each beginning of one.
            if value.count("${") * len(value) > _MOST_WORK:
                raise self._too_much(name, line)
            value = self._expanded(name, value, line)
            self._length += len(value)
            if self._length > LONGEST_TEXT:
                raise self._too_much(name, line)
        if value is not None:
            self._above[name] = value
        return value or ""

    def _too_much(self, name: str, line: int | None) -> SourceError:
        message = f"{self._path}: {name} expands to more than {LONGEST_TEXT:,} characters with the lines above it"
        remedy = "write the value itself, in place of the names of others"
        return source_error("SRC109", message, self._path, Place(line, 1) if line else None, remedy=remedy)

    def _expanded(self, name: str, value: str, line: int | None) -> str:
        from dotenv.variables import Variable, parse_variables

        # Expanding one by one is quick where a mapping of both would be copied for each line.
        parts, length = [], 0
        for atom in parse_variables(value):
            inner = atom.name if isinstance(atom, Variable) else None
            known = inner is None or inner in self._above or inner in self._environ
            unset = isinstance(atom, Variable) and not known and atom.default is None
            if inner is not None and unset and line is not None and len(self.found) < MOST_TOLD:
                self.found.append(_unset(self._path, line, name, inner))
            parts.append(atom.resolve(self._above if inner in self._above else self._environ))
            length += len(parts[-1])
            if length > LONGEST_TEXT:
                raise self._too_much(name, line)
        return "".join(parts)


def _unset(path: str, line: int, name: str, inner: str) -> Diagnostic:
    code = CODES["SRC130"]
    message = printable(f"{name}: ${{{inner}}} is not set, so nothing stands in its place")
    evidence = (Evidence("", None, Source(SourceKind.DOTENV, path, line)),)
    remedy = printable(f"set {inner} above it or in the environment, or write ${{{inner}:-a default}}")
    return Diagnostic("SRC130", code.name, "warning", message, code.reason, remedy, evidence)


def _blank_lines_before(text: str) -> int:
    """The parser counts blank lines before a binding as part of it."""
    return text[: len(text) - len(text.lstrip())].count("\n")
