"""The settings of a task are found by its signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from trainspec.tasks import TaskError, TaskParts, settings_model, takes_settings

if TYPE_CHECKING:
    from nowhere import Missing

    from trainspec import TrainingArguments


class Typed(BaseModel):
    width: int = 3


@dataclass
class Plain:
    width: int = 3


def typed(args: TrainingArguments, settings: Typed) -> TaskParts: ...


def plain(args: TrainingArguments, settings: Plain) -> TaskParts: ...


def alone(args: TrainingArguments) -> TaskParts: ...


def loose(args: TrainingArguments, settings) -> TaskParts: ...  # type: ignore[no-untyped-def]


def odd(args: TrainingArguments, settings: int) -> TaskParts: ...


def missing(args: TrainingArguments, settings: Missing) -> TaskParts: ...


class Called:
    def __call__(self, args: TrainingArguments, settings: Typed) -> TaskParts: ...


class Attributed:
    settings_model = Plain

    def __call__(self, args: TrainingArguments, settings: Any) -> TaskParts: ...


@pytest.mark.parametrize(
    "task, expected, takes",
    [
        (typed, Typed, True),
        (plain, Plain, True),
        (alone, None, False),
        (loose, None, True),
        (Called(), Typed, True),
        (Attributed(), Plain, True),
    ],
    ids=["pydantic", "dataclass", "none", "not-annotated", "object", "attribute"],
)
def test_settings_model(task: Any, expected: type | None, takes: bool) -> None:
    assert settings_model(task) is expected
    assert takes_settings(task) is takes


@pytest.mark.parametrize(
    "task, told", [(odd, "expected a pydantic model or a dataclass"), (missing, "unknown in its module")]
)
def test_settings_that_cannot_be_used_are_refused(task: Any, told: str) -> None:
    with pytest.raises(TaskError, match=told):
        settings_model(task)
