"""Judging the documents of an app that has settings inside, by the app's own names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trainspec.answers.judgement import Judge, known_target
from trainspec.reports.report import Report
from trainspec.settings.diagnostics import Diagnostic
from trainspec.settings.diagnostics.diagnostic import under
from trainspec.settings.judging.judgement import Verdict
from trainspec.settings.sources.embedding.judged import judge_app, settings_inside
from trainspec.settings.sources.files import Document

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

_UNKNOWN = ("SRC102", "VAL107")


class AppJudge(Judge):
    """What to judge an app's documents by; with `environment` what its own sources say is laid over them.

    `variables`: the names of those of the process, to tell which of them the app overlooks.
    """

    def __init__(
        self,
        app: type[BaseSettings],
        *,
        target: str | None = None,
        world_size: int | None = None,
        nodes: int | None = None,
        ignore_unknown: bool = False,
        environment: bool = False,
        variables: Iterable[str] = (),
    ) -> None:
        self.app = app
        self.target = known_target(target)
        self.world_size = world_size
        self.nodes = nodes
        self.ignore_unknown = ignore_unknown
        self.environment = environment
        self._names = tuple(variables)

    def document(self, document: Document, name: str, number: int = 1) -> Report:
        return self._judged(Report(name, number), [document], document.faults)

    def together(self, documents: Sequence[Document], found: Sequence[Diagnostic] = ()) -> Report:
        names = [document.name for document in documents]
        faults = [item for one in documents for item in one.faults]
        return self._judged(Report(names[-1], under=tuple(names[:-1])), documents, [*found, *faults])

    def process_alone(self, name: str) -> Report:
        return self._judged(Report(name, of_file=False), [])

    def _judged(self, report: Report, documents: Sequence[Document], found: Sequence[Diagnostic] = ()) -> Report:
        verdict = judge_app(self.app, documents, process=self.environment)
        unknown = [item.fields[0] for item in verdict.diagnostics if item.code in _UNKNOWN]
        if self.ignore_unknown and unknown:
            # What they hid is judged without them: an error of one key keeps the warnings of others back.
            report.ignored = unknown
            verdict = judge_app(self.app, [_without(one, unknown) for one in documents], process=self.environment)
        report.diagnostics = [*found, *verdict.diagnostics, *self._near_misses(), *self._against_target(verdict)]
        return report

    def _near_misses(self) -> list[Diagnostic]:
        """Variables that the app overlooks in silence, and that are almost its own."""
        from trainspec.answers.near_misses import near_misses

        return near_misses(self.app, self._names)

    def _against_target(self, verdict: Verdict) -> list[Diagnostic]:
        if not (self.target or self.world_size):
            return []
        from trainspec.settings.arguments import TrainingArguments
        from trainspec.settings.loading import against_target

        found = []
        for path, settings in settings_inside(verdict.settings):
            if isinstance(settings, TrainingArguments):
                judged = against_target(Verdict(settings, []), self.target, self.world_size, self.nodes)
                found += [under(".".join(map(str, path)), item) for item in judged.diagnostics]
        return found


def _without(document: Document, names: Sequence[str]) -> Document:
    values = document.values
    for name in names:
        values = _pruned(values, tuple(name.split(".")))
    return replace(document, values=values)


def _pruned(value: Any, path: tuple[str, ...]) -> Any:
    """A value without what stands at a path in it, the value itself where nothing does."""
    step, *rest = path
    if isinstance(value, dict) and step in value:
        inner = {} if not rest else {step: _pruned(value[step], tuple(rest))}
        return {key: inner.get(key, item) for key, item in value.items() if key != step or rest}
    if isinstance(value, list) and step.isdigit() and int(step) < len(value) and rest:
        return [_pruned(item, tuple(rest)) if place == int(step) else item for place, item in enumerate(value)]
    return value
