"""Parsed documents as settings: what comparing them, writing them in another form or planning their run begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics import Diagnostic
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.judging.ways_in import from_layers
from trainspec.settings.sources.files import Document, document_layer
from trainspec.settings.sources.layer import Layer, Origin, merged
from trainspec.settings.sources.task_section import of_the_task
from trainspec.settings.sources.variables import TASK


@dataclass(frozen=True, slots=True)
class Judged:
    """Documents, each laid over those before it: what each says under today's names, the settings of all together
    where they are valid, and what is wrong with them.
    """

    documents: tuple[Document, ...]
    layers: tuple[Layer, ...]
    settings: TrainingArguments | None
    diagnostics: list[Diagnostic]

    @property
    def task(self) -> Any:
        """The task's section of all documents together; None where there is none."""
        sections = [document.values[TASK] for document in of_the_task(self.documents)]
        return merged(sections) if sections else None

    def source_in_task(self, path: tuple[str, ...]) -> Source:
        """Where a key of the task's section stands, or what is nearest to it in the last document."""
        layers = (Layer(SourceKind.FILE, document.values, document.source) for document in of_the_task(self.documents))
        nearest = self.documents[-1].source(path) if self.documents else Source(SourceKind.DEFAULT)
        return Origin(tuple(layers)).source(path) or nearest


def judged(*documents: Document, ignore_unknown: bool = False) -> Judged:
    """The documents alone as settings: no other source is laid over them."""
    layers: list[Layer] = []
    found: list[Diagnostic] = []
    for document in documents:
        layer, more = document_layer(TrainingArguments, document, ignore_unknown=ignore_unknown)
        layers.append(layer)
        found += more
    verdict = from_layers(TrainingArguments, layers, found, quiet=True)
    return Judged(documents, tuple(layers), verdict.settings, verdict.diagnostics)


def judged_variables(text: str, name: str) -> Judged:
    """Variables as a dotenv file says them, alone. Raises SourceError where a line says nothing."""
    from trainspec.settings.sources.customised.options import options_of
    from trainspec.settings.sources.dotenv import parse_dotenv
    from trainspec.settings.sources.variables import read_variables

    variables, found = parse_dotenv(text, name, TrainingArguments, options_of(TrainingArguments), {})
    layer, more = read_variables(TrainingArguments, variables)
    verdict = from_layers(TrainingArguments, [layer], [*found, *more], quiet=True)
    return Judged((), (layer,), verdict.settings, verdict.diagnostics)


def task_in(document: Document) -> Mapping[str, Any]:
    """The task's section of one document under its key, nothing where it has none."""
    return {TASK: document.values[TASK]} if TASK in document.values else {}
