"""The settings that hold, with where each comes from and what it follows from; secrets never."""

from typing import Any

import pytest
from pydantic import BaseModel, SecretStr
from tests.answers.conftest import CANARY, as_json, document, settings_of

from trainspec import TrainingArguments
from trainspec.answers.show import Shown, task_entries
from trainspec.settings.sources.task_section import judge_task, read_task
from trainspec.settings.values.shape import shape_of
from trainspec.settings.views.provenance import parts

TEXT = f"logging_steps: 7\neval_strategy: steps\nhub_token: {CANARY}\n"


def shown(text: str) -> Any:
    one = settings_of(text)
    return as_json(Shown(one.settings, one.diagnostics))


def test_every_setting_is_in_one_part() -> None:
    settings = settings_of(TEXT).settings
    assert settings is not None
    found = parts(settings)
    assert list(found.said) == ["eval_strategy", "logging_steps", "hub_token"]
    assert found.follows.keys() >= {"eval_steps", "do_eval"}
    assert "learning_rate" in found.default
    everything = [*found.said, *found.follows, *found.default]
    assert sorted(everything) == sorted(TrainingArguments.model_fields)


# Setting -> its value, the text that is shown, the kind of its source, what it follows from.
VALUES: dict[str, tuple[Any, str, str, list[str]]] = {
    "logging_steps": (7, "7", "file", []),
    "eval_steps": (7, "7", "derived", ["logging_steps"]),
    "learning_rate": (5e-5, "5e-05", "default", []),
    "eval_strategy": ("steps", '"steps"', "file", []),
    "hub_token": (None, "**********", "file", []),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_setting(name: str) -> None:
    item = shown(TEXT)["settings"][name]
    assert (item["value"], item["shown"], item["source"]["kind"], item["follows_from"]) == VALUES[name]


# What is said -> the value that is given out beside what is shown.
REDACTED: dict[str, tuple[str, Any]] = {
    f"output_dir: s3://u:{CANARY}@h/x": ("output_dir", "s3://**********@h/x"),
    f"label_names: [a, 's3://u:{CANARY}@h']": ("label_names", ["a", "s3://**********@h"]),
}


@pytest.mark.parametrize(("text", "wanted"), REDACTED.items(), ids=REDACTED)
def test_a_value_is_as_redacted_as_what_is_shown(text: str, wanted: tuple[str, Any]) -> None:
    name, value = wanted
    answer = shown(text)
    assert answer["settings"][name]["value"] == value
    assert CANARY not in str(answer)


def test_settings_that_are_not_valid_are_not_shown() -> None:
    answer = shown("seed: x\n")
    assert (answer["ok"], answer["settings"], answer["task"]) == (False, None, None)
    assert [item["code"] for item in answer["diagnostics"]] == ["VAL101"]


def test_what_was_passed_over_is_named() -> None:
    one = settings_of("seed: 1\n")
    assert as_json(Shown(one.settings, [], ["model"]))["ignored"] == ["model"]


class TaskSettings(BaseModel):
    """A task's own settings."""

    width: int = 1
    depth: int = 2
    key: SecretStr | None = None
    other: SecretStr | None = None


def test_the_task_has_its_own_sources() -> None:
    shape = shape_of(TaskSettings)
    layers, found = read_task(shape, [document(f"task:\n  width: 3\n  key: {CANARY}\n")], [])
    entries = task_entries(shape, judge_task(shape, layers, found).settings, layers)
    assert {name: (entry.value, str(entry.source)) for name, entry in entries.items()} == {
        "task.width": ("3", "run.yaml:2:3"),
        "task.depth": ("2", "default"),
        "task.key": ("**********", "run.yaml:3:3"),
        "task.other": ("null", "default"),
    }
    answer = as_json(Shown(settings_of("").settings, [], task=entries))
    assert answer["task"]["task.width"]["value"] == "3"
    assert as_json(Shown(None, [], task=entries))["task"] is None
