"""Where two documents, or two stacks of them, differ as settings, whatever their formats and the age of names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trainspec.answers.documents import Judged, judged
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics import Diagnostic
from trainspec.settings.sources.variables import TASK
from trainspec.settings.views.dumping import plain
from trainspec.settings.views.provenance import Entry
from trainspec.text.redaction import show_value

NOT_THERE = "not there"
"""What is shown of a key that one of the two does not have."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting (or dotted key of the task) with the two values that hold, as shown, and their sources."""

    setting: str
    a: Entry
    b: Entry

    def to_dict(self) -> dict[str, Any]:
        return {"setting": self.setting, "a": self.a.to_dict(), "b": self.b.to_dict()}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences of two documents, None where one of them is not valid, and what is wrong with either."""

    differences: tuple[Difference, ...] | None
    diagnostics: tuple[Diagnostic, ...]

    def to_dict(self) -> dict[str, Any]:
        compared = self.differences is not None
        return {
            "same": not self.differences if compared else None,
            "differences": [item.to_dict() for item in self.differences or ()] if compared else None,
            "diagnostics": [item.to_dict() for item in self.diagnostics],
        }


def against_defaults(one: Judged) -> Comparison:
    """Where a document differs from what holds when nothing is said."""
    return compare(judged(), one)


def compare(a: Judged, b: Judged) -> Comparison:
    """All differences: of settings in the order of the fields, then of the task's section."""
    diagnostics = (*a.diagnostics, *b.diagnostics)
    if a.settings is None or b.settings is None:
        return Comparison(None, diagnostics)
    return Comparison((*_in_settings(a.settings, b.settings), *_in_task(a, b)), diagnostics)


def _in_settings(a: TrainingArguments, b: TrainingArguments) -> Iterator[Difference]:
    for name in TrainingArguments.__pydantic_fields__:
        if plain(getattr(a, name), whole=True, secrets=True) != plain(getattr(b, name), whole=True, secrets=True):
            yield Difference(name, a.provenance[name], b.provenance[name])


def _in_task(a: Judged, b: Judged) -> Iterator[Difference]:
    """The task's sections, of which only the task's model knows the defaults."""
    leaves = [dict(_leaves(side.task, (TASK,))) for side in (a, b)]
    for path in dict.fromkeys((*leaves[0], *leaves[1])):
        if path not in leaves[0] or path not in leaves[1] or leaves[0][path] != leaves[1][path]:
            ones = [_entry(path, found, side) for found, side in zip(leaves, (a, b), strict=True)]
            yield Difference(".".join(path), *ones)


def _entry(path: tuple[str, ...], leaves: Mapping[tuple[str, ...], Any], side: Judged) -> Entry:
    value = show_value(".".join(path), leaves[path]) if path in leaves else NOT_THERE
    return Entry(value, side.source_in_task(path))


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key)))
    elif value is not None or len(path) > 1:
        yield path, value
