"""What `trainspec validate` judges: the files of its words, and where asked this process's environment over them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from trainspec.answers.judgement import Judge, Process, known_target
from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.files import STDIN, files_in, stdin_documents, stdin_name
from trainspec.cli.options import Given
from trainspec.reports.report import Report
from trainspec.settings.diagnostics import SourceError
from trainspec.settings.sources.files import Document, read_documents, read_several, read_with_faults, the_only
from trainspec.text.languages import VARIABLE
from trainspec.text.redaction import printable

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from trainspec.settings.base import Settings
    from trainspec.settings.values.shape import Shape


class Judging:
    """What the command line names, judged by all that it says."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.judge = _judge_of(given)
        self.passed_over = 0

    def reports(self, words: Sequence[str]) -> Iterator[Report]:
        """A report for each document of each file, every file once. What cannot be read has one too."""
        if not words:
            yield self.judge.process_alone("environment")
        seen: set[str] = set()
        for word in words:
            try:
                for path in files_in(word):
                    if path == word or path not in seen:
                        seen.add(path)
                        if self._is_passed_over(path):
                            self.passed_over += 1
                        else:
                            yield from self._file(path)
            except SourceError as error:
                yield Report(word, diagnostics=list(error.diagnostics))

    def together(self, words: Sequence[str]) -> Report:
        """The one report on all that the words name, each file laid over those before it."""
        name = words[-1]
        try:
            paths = [path for word in words for path in files_in(word)]
            name = stdin_name(self.given) if paths[-1] == STDIN else paths[-1]
            documents, found = read_several(paths, at=self.given.get("at"), read=self._document)
        except SourceError as error:
            return Report(name, diagnostics=list(error.diagnostics))
        return self.judge.together(documents, found)

    def _is_passed_over(self, path: str) -> bool:
        """A file that does not look like settings, where only those that do are asked for."""
        if path == STDIN or not self.given.has("only_settings"):
            return False
        from trainspec.settings.base import Settings
        from trainspec.settings.judging.likeness import looks_like_settings
        from trainspec.settings.sources.files import read_plain

        model = self.judge.model if isinstance(self.judge, Judge) else Settings
        return not looks_like_settings(read_plain(path), path, model)

    def _document(self, path: str, *, at: str | None) -> Document:
        if path != STDIN:
            return read_with_faults(path, at=at)
        return the_only(stdin_documents(self.given), stdin_name(self.given))

    def _file(self, path: str) -> Iterator[Report]:
        if path == STDIN:
            return self.judge.documents(stdin_documents(self.given), stdin_name(self.given))
        return self.judge.documents(read_documents(path, at=self.given.get("at"), keep_faults=True), path)


def what_to_judge() -> str:
    """What people mean who name no file: a variable names it, or variables say it all."""
    ours = sorted(name for name in os.environ if name.upper().startswith("TRAINSPEC_") and name.upper() != VARIABLE)
    if not ours:
        return "trainspec validate run.yaml, or trainspec validate --env for TRAINSPEC_* variables"
    config = next((name for name in ours if name.upper() == "TRAINSPEC_CONFIG"), ours[0])
    return f"trainspec validate --env judges {printable(config)} and all other TRAINSPEC_* variables"


def _judge_of(given: Given) -> Judge:
    from trainspec.settings.base import Settings

    model = _model_of(given)
    declared: dict[str, Any] = {name: given.number(name, 1) for name in ("world_size", "nodes")}
    declared |= {"target": known_target(given.get("target")), "ignore_unknown": given.has("ignore_unknown")}
    if declared["nodes"] is not None and not (declared["world_size"] or declared["target"]):
        raise CannotRun(mistake("CLI102", "--nodes alone tells no number of processes", "--world-size 16 --nodes 2"))
    if not issubclass(model, Settings):
        from trainspec.answers.app import AppJudge

        if given.get("task") is not None:
            raise CannotRun(mistake("CLI102", "--task is about files of a run, not of an app", "leave it out"))
        variables = os.environ if given.has("env") else ()
        return AppJudge(model, environment=given.has("env"), variables=variables, **declared)
    process = _process(model, given) if given.has("env") else None
    return Judge(model, task=_task_of(given), process=process, **declared)


def _process(model: type[Settings], given: Given) -> Process:
    """What this process's environment says, and all that it names."""
    from trainspec.settings.sources.process import open_sources

    # The files judged take the place of the one that TRAINSPEC_CONFIG names.
    config = f"{model.env_prefix}CONFIG"
    environ = {name: os.environ[name] for name in os.environ if not given.words or name.upper() != config}
    sources = open_sources(model, environ=environ, at=given.get("at"))
    return Process(*sources.layers(model), sources.documents, sources.variables)


def _model_of(given: Given) -> type[Settings] | type[BaseSettings]:
    place = given.get("model")
    if place is None:
        from trainspec.settings.arguments import TrainingArguments

        return TrainingArguments
    from trainspec.cli.named import settings_or_app

    return settings_or_app(place)


def _task_of(given: Given) -> Shape | None:
    name = given.get("task")
    if name is None:
        return None
    from trainspec.cli.named import task_named

    return task_named(name)[1]
