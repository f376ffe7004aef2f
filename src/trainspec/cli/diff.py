"""`trainspec diff`: two files as settings: old names, formats and spelled-out defaults make no difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import AT, FORMAT, IGNORE_UNKNOWN, Command, wants_help
from trainspec.cli.terminal import COULD_NOT_RUN, FINDINGS, FINE, answer_json, counted, say, style
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics import Diagnostic, SourceError
from trainspec.settings.judging.ways_in import from_layers
from trainspec.settings.sources.files import Document, document_layer, read_document
from trainspec.settings.sources.variables import TASK
from trainspec.settings.views.dumping import plain
from trainspec.settings.views.provenance import Entry
from trainspec.text.redaction import show_value

COMMAND = Command(
    "diff",
    "A B",
    "Where two files differ as settings: what holds, whether said or not, whatever the format or the age of the names. "
    "Exit code 1 where they do.",
    (AT, IGNORE_UNKNOWN, FORMAT),
    examples=("trainspec diff old.yaml new.json",),
)


@dataclass(slots=True)
class _Side:
    """One file: its settings, the task's section, and what is wrong with it."""

    document: Document | None
    settings: TrainingArguments | None
    diagnostics: list[Diagnostic]


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help())
        return 0
    given = COMMAND.parse(argv)
    if given.unknown:
        raise CannotRun(*given.unknown)
    if len(given.words) != 2:
        number = counted(len(given.words), "file")
        raise CannotRun(mistake("CLI102", f"diff takes two files, not {number}", "trainspec diff A.yaml B.yaml"))
    sides = [_read(path, given.get("at"), given.has("ignore_unknown")) for path in given.words]
    say(item for side in sides for item in side.diagnostics)
    if any(side.settings is None for side in sides):
        return COULD_NOT_RUN
    differences = [*_in_settings(*sides), *_in_task(*sides)]
    if given.get("format") == "json":
        named = [{"setting": name, "a": a.to_dict(), "b": b.to_dict()} for name, a, b in differences]
        answer_json({"same": not differences, "differences": named})
    elif differences:
        print("\n".join(line for difference in differences for line in _lines(*difference)))
    else:
        print("the same settings")
    return FINDINGS if differences else FINE


def _read(path: str, at: str | None, ignore_unknown: bool) -> _Side:
    try:
        document = read_document(path, at=at)
    except SourceError as error:
        return _Side(None, None, list(error.diagnostics))
    layer, found = document_layer(TrainingArguments, document, ignore_unknown=ignore_unknown)
    verdict = from_layers(TrainingArguments, [layer], found, quiet=True)
    return _Side(document, verdict.settings, verdict.diagnostics)


def _in_settings(a: _Side, b: _Side) -> Iterator[tuple[str, Entry, Entry]]:
    if a.settings is None or b.settings is None:
        return
    for name in TrainingArguments.__pydantic_fields__:
        values = [plain(getattr(side, name), whole=True, secrets=True) for side in (a.settings, b.settings)]
        if values[0] != values[1]:
            yield name, a.settings.provenance[name], b.settings.provenance[name]


def _in_task(a: _Side, b: _Side) -> Iterator[tuple[str, Entry, Entry]]:
    """The task's sections, of which only the task's model knows the defaults."""
    if a.document is None or b.document is None:
        return
    leaves = [dict(_leaves(side.values.get(TASK), (TASK,))) for side in (a.document, b.document)]
    for path in dict.fromkeys((*leaves[0], *leaves[1])):
        ones = [
            Entry(show_value(".".join(path), found[path]) if path in found else "not there", document.source(path))
            for found, document in zip(leaves, (a.document, b.document), strict=True)
        ]
        if path not in leaves[0] or path not in leaves[1] or leaves[0][path] != leaves[1][path]:
            yield ".".join(path), ones[0], ones[1]


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key)))
    elif value is not None or len(path) > 1:
        yield path, value


def _lines(name: str, a: Entry, b: Entry) -> list[str]:
    width = max(len(a.value), len(b.value))
    shown = [f"  {entry.value:<{width}}  {style(str(entry.source), 'dim')}" for entry in (a, b)]
    return [style(name, "bold"), *shown]
