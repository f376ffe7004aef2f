"""Judging documents: against a settings class, a machine, a number of processes, a task; a report for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from trainspec.answers.faults import NoAnswer, mistake
from trainspec.reports.report import Report
from trainspec.settings.diagnostics import Diagnostic, SourceError
from trainspec.settings.judging.ways_in import from_layers
from trainspec.settings.sources.files import Document, document_layer, parse_documents
from trainspec.settings.sources.layer import Layer
from trainspec.settings.sources.variables import TASK, Variables
from trainspec.text.redaction import redact_reason

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.values.shape import Shape


class Process(NamedTuple):
    """What a process says over each document, read by whoever asks: nothing here looks at the environment.

    `layers` and `found` are about the settings, `documents` and `variables` are where a task's own are looked for.
    """

    layers: Sequence[Layer] = ()
    found: Sequence[Diagnostic] = ()
    documents: Sequence[Document] = ()
    variables: Sequence[Variables] = ()


class Judge:
    """What to judge by: the same for all documents, so that it is worked out once."""

    def __init__(
        self,
        model: type[Settings],
        *,
        target: str | None = None,
        world_size: int | None = None,
        nodes: int | None = None,
        task: Shape | None = None,
        ignore_unknown: bool = False,
        process: Process | None = None,
    ) -> None:
        """`task` is the shape of the task's settings; None leaves its section unchecked. Raises NoAnswer."""
        self.model = model
        self.target = known_target(target)
        self.world_size = world_size
        self.nodes = nodes
        self.task = task
        self.ignore_unknown = ignore_unknown
        self.process = process or Process()

    def text(self, text: str | bytes, format: str, name: str, *, at: str | None = None) -> Iterator[Report]:
        """A report for each document of a text in `format` (yaml, json, toml); `at` is a dotted path inside them."""
        return self.documents(parse_documents(text, format, name, at=at, keep_faults=True), name)

    def dotenv(self, text: str | bytes, name: str) -> Report:
        """The report on variables as a dotenv file says them; nothing else stands for the names in them."""
        from trainspec.settings.sources.customised.options import options_of
        from trainspec.settings.sources.dotenv import parse_dotenv
        from trainspec.settings.sources.files import source_error
        from trainspec.settings.sources.variables import read_variables
        from trainspec.text.decoding import decoded

        try:
            plain = decoded(text) if isinstance(text, bytes) else text
            variables, found = parse_dotenv(plain, name, self.model, options_of(self.model), {})
            layer, more = read_variables(self.model, variables)
        except UnicodeDecodeError:
            why = source_error("SRC106", f"{name} is not UTF-8 text", name)
            return Report(name, diagnostics=list(why.diagnostics))
        except SourceError as error:
            return Report(name, diagnostics=list(error.diagnostics))
        return self._alone(Process([layer], [*found, *more], (), (variables,)), name)

    def variables(self, pairs: Iterable[tuple[str, str]], name: str) -> Report:
        """The report on variables of some environment that is none of this process."""
        from trainspec.settings.diagnostics.source import Source, SourceKind
        from trainspec.settings.sources.customised.options import options_of
        from trainspec.settings.sources.variables import naming, read_variables

        _, made = naming(self.model, options_of(self.model))
        variables = made(pairs, SourceKind.ENVIRONMENT, lambda one: Source(SourceKind.ENVIRONMENT, one))
        layer, found = read_variables(self.model, variables)
        return self._alone(Process([layer], found, (), (variables,)), name)

    def _alone(self, process: Process, name: str) -> Report:
        alone = copy(self)
        alone.process = process
        return alone._report(Report(name), [], [], [])

    def documents(self, documents: Iterable[Document], name: str) -> Iterator[Report]:
        """A report for each document, and one for what cannot be read, after which nothing more is."""
        number = 0
        try:
            for number, document in enumerate(documents, start=1):
                yield self.document(document, name, number)
        except SourceError as error:
            yield Report(name, number + 1, diagnostics=list(error.diagnostics))

    def document(self, document: Document, name: str, number: int = 1) -> Report:
        """The report on one document, with what the process says laid over it."""
        layer, found = document_layer(self.model, document)
        return self._report(Report(name, number), [document], [layer], found)

    def together(self, documents: Sequence[Document], found: Sequence[Diagnostic] = ()) -> Report:
        """The one report on documents of which each is laid over those before it, and the process over them all.

        `found` is what reading them had to say.
        """
        layers, everything = [], list(found)
        for document in documents:
            layer, more = document_layer(self.model, document)
            layers.append(layer)
            everything += more
        names = [document.name for document in documents]
        return self._report(Report(names[-1], under=tuple(names[:-1])), documents, layers, everything)

    def process_alone(self, name: str) -> Report:
        """The report on what the process says, without any document but its own."""
        return self._report(Report(name, of_file=False), self.process.documents, [], [])

    def _report(
        self, report: Report, documents: Sequence[Document], layers: Sequence[Layer], found: list[Diagnostic]
    ) -> Report:
        if self.ignore_unknown:
            report.ignored = [item.fields[0] for item in found if item.code == "SRC102"]
            found = [item for item in found if item.code != "SRC102"]
        process = self.process
        verdict = from_layers(self.model, [*layers, *process.layers], [*found, *process.found], quiet=True)
        if verdict.ok and (self.target or self.world_size):
            from trainspec.settings.loading import against_target

            verdict = against_target(verdict, self.target, self.world_size, self.nodes)
        report.diagnostics = verdict.diagnostics
        self._judge_task(report, documents)
        return report

    def _judge_task(self, report: Report, documents: Sequence[Document]) -> None:
        variables = self.process.variables
        if self.task is None:
            report.task = "unchecked" if _says_task(documents, variables) else None
            return
        from trainspec.settings.sources.task_section import judge_task, read_task

        report.task = "checked"
        judged = judge_task(self.task, *read_task(self.task, documents, variables))
        report.diagnostics = [*report.diagnostics, *judged.diagnostics]


class Judgement(NamedTuple):
    """The reports on all documents as one answer; `strict` lets warnings count."""

    reports: Sequence[Report]
    strict: bool = False

    @property
    def ok(self) -> bool:
        """Whether there is no error, and where strict no warning either."""
        return self._is_ok(self.summary())

    def _is_ok(self, numbers: Mapping[str, int]) -> bool:
        return not (numbers["errors"] or (self.strict and numbers["warnings"]))

    def summary(self) -> dict[str, int]:
        """How many files, documents, errors, warnings and notes; notes never count against a document."""
        severities = [item.severity for report in self.reports for item in report.diagnostics]
        return {
            "files": len({file for report in self.reports for file in report.files}),
            "documents": len(self.reports),
            "errors": severities.count("error"),
            "warnings": severities.count("warning"),
            "notes": severities.count("note"),
        }

    def to_dict(self) -> dict[str, Any]:
        summary = self.summary()
        files = [report.to_dict() for report in self.reports]
        return {"ok": self._is_ok(summary), "files": files, "summary": summary}


def known_target(name: str | None) -> str | None:
    """The name of a machine that there is. Raises NoAnswer."""
    if name is not None:
        from trainspec.settings.targets.machines import parse_target

        try:
            parse_target(name)
        except ValueError as error:
            raise NoAnswer(mistake("CLI103", redact_reason(str(error), name))) from None
    return name


def _says_task(documents: Sequence[Document], variables: Sequence[Variables]) -> bool:
    if len(documents) < 2 and not variables:
        return any(document.values.get(TASK) for document in documents)
    from trainspec.settings.sources.task_section import has_task

    return has_task(documents, variables)
