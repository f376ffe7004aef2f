"""Judging documents for `trainspec validate`: what is the same for all of them is worked out once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.files import STDIN, files_in, stdin_documents, stdin_name
from trainspec.cli.options import Given
from trainspec.reports.report import Report
from trainspec.settings.diagnostics import Diagnostic, SourceError
from trainspec.settings.judging.ways_in import from_layers
from trainspec.settings.sources.files import Document, document_layer, read_documents
from trainspec.settings.sources.layer import Layer
from trainspec.settings.sources.variables import TASK, Variables

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.values.shape import Shape


class Judging:
    """The model, the machine and the process to judge by."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.model = _model_of(given)
        self.world_size = given.number("world_size", 1)
        self.target = _known_target(given.get("target"))
        self.task = _task_of(given)
        self.layers: list[Layer] = []
        self.found: list[Diagnostic] = []
        self.variables: tuple[Variables, ...] = ()
        self.config: Document | None = None
        if given.has("env"):
            self._read_environment()

    def _read_environment(self) -> None:
        from trainspec.settings.sources.process import open_sources

        # The files judged take the place of the one that TRAINSPEC_CONFIG names.
        config = f"{self.model.env_prefix}CONFIG"
        environ = {name: os.environ[name] for name in os.environ if not self.given.words or name.upper() != config}
        sources = open_sources(self.model.env_prefix, environ=environ, at=self.given.get("at"))
        self.config, self.variables = sources.document, sources.variables
        self.layers, self.found = sources.layers(self.model)

    def reports(self, words: Sequence[str]) -> Iterator[Report]:
        """A report for each document of each file, every file once. What cannot be read has one too."""
        if not words:
            report = self._report("environment", 1, self.config, [], [])
            report.of_file = False
            yield report
        seen: set[str] = set()
        for word in words:
            try:
                for path in files_in(word):
                    if path == word or path not in seen:
                        seen.add(path)
                        yield from self._file(path)
            except SourceError as error:
                yield Report(word, diagnostics=list(error.diagnostics))

    def _file(self, path: str) -> Iterator[Report]:
        number, name = 0, stdin_name(self.given) if path == STDIN else path
        try:
            documents = stdin_documents(self.given) if path == STDIN else read_documents(path, at=self.given.get("at"))
            for number, document in enumerate(documents, start=1):
                layer, found = document_layer(self.model, document)
                yield self._report(name, number, document, [layer], found)
        except SourceError as error:
            yield Report(name, number + 1, diagnostics=list(error.diagnostics))

    def _report(
        self, path: str, number: int, document: Document | None, layers: list[Layer], found: list[Diagnostic]
    ) -> Report:
        report = Report(path, number)
        if self.given.has("ignore_unknown"):
            report.ignored = [item.fields[0] for item in found if item.code == "SRC102"]
            found = [item for item in found if item.code != "SRC102"]
        verdict = from_layers(self.model, [*layers, *self.layers], [*found, *self.found], quiet=True)
        if verdict.ok and (self.target or self.world_size):
            from trainspec.settings.loading import against_target

            verdict = against_target(verdict, self.target, self.world_size)
        report.diagnostics = verdict.diagnostics
        self._judge_task(report, document)
        return report

    def _judge_task(self, report: Report, document: Document | None) -> None:
        documents = [document] if document is not None else []
        if self.task is None:
            from trainspec.settings.sources.task_section import has_task

            report.task = "unchecked" if self.variables and has_task(documents, self.variables) else _section(document)
            return
        from trainspec.settings.sources.task_section import judge_task, read_task

        report.task = "checked"
        report.diagnostics = [
            *report.diagnostics,
            *judge_task(self.task, *read_task(self.task, documents, self.variables)).diagnostics,
        ]


def _section(document: Document | None) -> str | None:
    return "unchecked" if document is not None and document.values.get(TASK) else None


def _model_of(given: Given) -> type[Settings]:
    place = given.get("model")
    if place is None:
        from trainspec.settings.arguments import TrainingArguments

        return TrainingArguments
    from trainspec.cli.named import settings_class

    return settings_class(place)


def _task_of(given: Given) -> Shape | None:
    name = given.get("task")
    if name is None:
        return None
    from trainspec.cli.named import task_named

    return task_named(name)[1]


def _known_target(name: str | None) -> str | None:
    if name is not None:
        from trainspec.settings.targets.machines import parse_target

        try:
            parse_target(name)
        except ValueError as error:
            raise CannotRun(mistake("CLI103", str(error))) from None
    return name
