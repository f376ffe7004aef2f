"""A parsed document as settings: what comparing it, writing it in another form or planning its run begins with."""

from __future__ import annotations

from dataclasses import dataclass

from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics import Diagnostic
from trainspec.settings.judging.ways_in import from_layers
from trainspec.settings.sources.files import Document, document_layer
from trainspec.settings.sources.layer import Layer


@dataclass(frozen=True, slots=True)
class Judged:
    """A document, what it says under today's names, its settings where they are valid, and what is wrong with it."""

    document: Document
    layer: Layer
    settings: TrainingArguments | None
    diagnostics: list[Diagnostic]


def judged(document: Document, *, ignore_unknown: bool = False) -> Judged:
    """The document alone as settings: no other source is laid over it."""
    layer, found = document_layer(TrainingArguments, document, ignore_unknown=ignore_unknown)
    verdict = from_layers(TrainingArguments, [layer], found, quiet=True)
    return Judged(document, layer, verdict.settings, verdict.diagnostics)
