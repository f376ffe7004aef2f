"""The settings that hold for this process, for the commands that act on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics import Diagnostic
from trainspec.settings.judging.models import read_flags
from trainspec.settings.judging.ways_in import from_layers
from trainspec.settings.sources.command_line import Vocabulary
from trainspec.settings.sources.formats.flags import Flag, Takes
from trainspec.settings.sources.layer import Layer
from trainspec.settings.sources.process import open_sources
from trainspec.settings.sources.task_section import has_task, judge_task, read_task
from trainspec.settings.values.shape import Shape, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainspec.cli.options import Given

SETTINGS, TASK = "settings", "task"
_UNDER_TASK = "task."


@dataclass(slots=True)
class Loaded:
    """Settings of this process and the task's own, where both are valid, and all there is to say about them."""

    settings: TrainingArguments | None
    task: Any
    task_layers: list[Layer]
    diagnostics: list[Diagnostic]
    ignored: list[str]
    unchecked_task: bool


def settings_vocabulary() -> Vocabulary:
    """The flags of a run's settings."""
    return Vocabulary(TrainingArguments.field_kinds(), owner=SETTINGS)


def task_vocabulary(shape: Shape) -> Vocabulary:
    """The flags of a task's own settings: --task.width."""
    return Vocabulary(shape.kinds, renames=False, owner=TASK, under=_UNDER_TASK)


class AnyTask(Vocabulary):
    """Flags of a task that is not known yet."""

    def __init__(self) -> None:
        super().__init__({}, renames=False, owner=TASK, under=_UNDER_TASK)

    def find(self, written: str) -> Flag | None:
        if not written.startswith(f"--{self.under}"):
            return None
        return Flag((written.removeprefix(f"--{self.under}"),), Takes.PERHAPS_ONE, "true", TASK)


def load_settings(given: Given, config: Sequence[str], task: Shape | None) -> Loaded:
    """Read every source of this process, with the flags of `given` over them, each config file over those before."""
    sources = open_sources(TrainingArguments, config=config, at=given.get("at"))
    flags, more = read_flags(shape_of(TrainingArguments), (use for use in given.uses if use.flag.owner == SETTINGS))
    layers, found = sources.layers(TrainingArguments, given=(flags,))
    found, ignored = split_ignored([*given.unknown, *found, *more], given.has("ignore_unknown"))
    verdict = from_layers(TrainingArguments, layers, found, quiet=True)
    if task is None:
        unchecked = has_task(sources.documents, sources.variables)
        return Loaded(verdict.settings, None, [], verdict.diagnostics, ignored, unchecked)
    of_task = [use for use in given.uses if use.flag.owner == TASK]
    task_layers, task_found = read_task(task, sources.documents, sources.variables, of_task)
    judged = judge_task(task, task_layers, task_found)
    everything = [*verdict.diagnostics, *judged.diagnostics]
    if not (verdict.ok and judged.ok):
        return Loaded(None, None, task_layers, everything, ignored, False)
    return Loaded(verdict.settings, judged.settings, task_layers, everything, ignored, False)


def split_ignored(found: Iterable[Diagnostic], ignore_unknown: bool) -> tuple[list[Diagnostic], list[str]]:
    """The diagnostics without those of unknown keys in files, and these keys, where they are to be passed over."""
    items = list(found)
    if not ignore_unknown:
        return items, []
    keys = [item.fields[0] for item in items if item.code == "SRC102"]
    return [item for item in items if item.code != "SRC102"], keys
