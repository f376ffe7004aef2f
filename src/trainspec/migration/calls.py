"""`TrainingArguments(...)` calls in a Python file, read from its syntax tree: the file is never run."""

from __future__ import annotations

import ast
import warnings
from typing import Any

from trainspec.migration.documents import Found, found_in
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.files import source_error
from trainspec.settings.sources.formats.limits import Place
from trainspec.settings.sources.layer import Path
from trainspec.settings.sources.reading import Reading
from trainspec.settings.values import choices
from trainspec.settings.values.coercion import Manner
from trainspec.text.redaction import is_secret_name

_NAME = "TrainingArguments"
# An enum by the name that it had in other years.
_OLD_ENUMS = {"EvaluationStrategy": "IntervalStrategy"}


class _NotLiteral(Exception):
    """An expression whose value only running the program would tell."""


def read_calls(text: str, name: str) -> list[Found]:
    """The keywords of every call whose name ends in TrainingArguments. Raises SourceError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = Place(getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1)
        raise source_error("SRC107", f"{name}: it is not valid Python", name, place) from None
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node).endswith(_NAME)]
    if not calls:
        raise source_error("SRC108", f"{name}: there is no call of {_NAME} in it", name)
    try:
        return [_read_call(call, name) for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset))]
    except RecursionError:
        raise source_error("SRC109", f"{name}: an expression in it nests too deep", name) from None


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _read_call(call: ast.Call, name: str) -> Found:
    values: dict[str, Any] = {}
    places: dict[str, ast.AST] = {}
    unknown: list[Diagnostic] = []
    pairs = [*zip(TrainingArguments.positional or ("output_dir",), call.args, strict=False)]
    pairs += [(keyword.arg or "**", keyword.value) for keyword in call.keywords]
    for word, node in pairs:
        places[word] = node
        try:
            values[word] = _literal(node)
        except _NotLiteral:
            unknown.append(_not_literal(word, node, name))

    def locate(path: Path) -> Source:
        node: Any = places.get(path[0], call)
        return Source(SourceKind.FILE, name, node.lineno, node.col_offset + 1)

    reading = Reading(TrainingArguments, SourceKind.FILE, Manner.CONSTRUCTOR, locate)
    layer = reading.read(values)
    return found_in(layer, [*unknown, *reading.diagnostics])


def _not_literal(word: str, node: Any, name: str) -> Diagnostic:
    what = "**" if word == "**" else f"{word}="
    evidence = (Evidence(word.strip("*"), None, Source(SourceKind.FILE, name, node.lineno, node.col_offset + 1)),)
    # What makes up a secret is one, too.
    shown = "..." if is_secret_name(word) or word in TrainingArguments.secret_fields() else ast.unparse(node)[:60]
    message = f"{what}{shown} is no literal, so it was left out"
    reason = "only running the program would tell its value, and it is not run"
    return Diagnostic("VAL106", "malformed", "error", message, reason, "write the value yourself", evidence)


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
        return _member(node)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise _NotLiteral from None


def _member(node: ast.Attribute) -> Any:
    """`IntervalStrategy.STEPS` as what it stands for."""
    owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
    enum = getattr(choices, _OLD_ENUMS.get(owner, owner), None)
    member = getattr(enum, "__members__", {}).get(node.attr)
    if member is None:
        raise _NotLiteral
    return member.value
