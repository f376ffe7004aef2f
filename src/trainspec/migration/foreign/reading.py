"""A file of another program read as settings: places, findings and all."""

from __future__ import annotations

from typing import Any

from trainspec.migration.documents import Found, found_in
from trainspec.migration.foreign.kinds import DEEPSPEED, kind_of, said_by
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.command_line import old_names
from trainspec.settings.sources.files import Document
from trainspec.settings.sources.layer import Path
from trainspec.settings.sources.reading import Reading
from trainspec.settings.values.coercion import Manner
from trainspec.text.redaction import printable, redact_url


def known_names() -> frozenset[str]:
    """All names of settings, those of other years too."""
    kinds = TrainingArguments.field_kinds()
    return frozenset({*kinds, *old_names(kinds)})


def found_in_foreign(document: Document) -> Found | None:
    """The settings in a file of another program; None for one of ours."""
    kind = kind_of(document.values)
    if not kind:
        return None
    said = said_by(kind, document.values, known_names())

    def locate(path: Path) -> Source:
        inner = said.paths.get(path[0], ())
        # What a whole file is said to be stands where its keys do.
        return document.source((*inner, *path[1:]) if inner and inner[0] != path[0] else (inner or path[1:] or path))

    reading = Reading(TrainingArguments, SourceKind.FILE, Manner.DOCUMENT, locate)
    layer = reading.read(_as_documents_write(said.values, kind))
    left = [_undecided(document, *one) for one in said.undecided]
    found = found_in(layer, [*left, *reading.diagnostics])
    found.others = [printable(name) for name in said.foreign]
    found.notes = [f"this is a configuration of {kind}", *map(printable, said.notes)]
    found.facts = {"kind": kind, "foreign": found.others}
    return found


def _as_documents_write(values: dict[str, Any], kind: str) -> dict[str, Any]:
    """Numbers that a reader of YAML 1.1 takes for text (1e-5) are numbers all the same."""
    if kind == DEEPSPEED:
        return values
    kinds = TrainingArguments.field_kinds()
    return {name: _number(item) if name in kinds and kinds[name].number else item for name, item in values.items()}


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return float(value) if not value.lstrip("-").isdigit() else int(value)
    except ValueError:
        return value


def _undecided(document: Document, name: str, path: Path, why: str) -> Diagnostic:
    code = CODES["SRC146"]
    source = document.source(path)
    evidence = (Evidence(name, None, source),)
    message = printable(redact_url(f"{name} was left out: {why}"))
    return Diagnostic("SRC146", code.name, "error", message, code.reason, f"write {name} yourself", evidence)
