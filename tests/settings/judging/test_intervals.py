"""A whole number of updates is a count however it is written; what lies between is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trainspec import Settings, TrainingArguments, load
from trainspec.settings.views.derived import interval_updates

pytestmark = pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
NAMES = ("logging_steps", "eval_steps", "save_steps")


@pytest.mark.parametrize("name", NAMES)
@given(count=st.integers(1, 10**9))
def test_a_whole_float_is_that_count_in_every_source(name: str, count: int) -> None:
    text = repr(float(count))
    said = [
        TrainingArguments(**{name: float(count)}),
        TrainingArguments(**{name: text}),
        TrainingArguments.from_dict({name: float(count)}),
        TrainingArguments.from_yaml(f"{name}: {float(count)!r}"),
        load(argv=[f"--{name}", text], environ={}),
        load(environ={f"TRAINSPEC_{name.upper()}": text}),
        TrainingArguments().replace(**{name: float(count)}),
    ]
    assert [args.to_dict() for args in said] == [{name: count}] * len(said)
    assert all(type(args.__dict__[name]) is int for args in said)


def test_one_as_a_float_is_every_update_and_never_all_of_them() -> None:
    args = TrainingArguments(logging_steps=1.0)
    assert interval_updates(args.logging_steps, 1000) == 1


@pytest.mark.parametrize("written", ["1e3", "1000.", "1.0e3", "+1000.0"])
@pytest.mark.parametrize("name", NAMES)
def test_a_flag_and_a_variable_may_write_a_power_of_ten(name: str, written: str) -> None:
    assert getattr(load(argv=[f"--{name}={written}"], environ={}), name) == 1000
    assert getattr(load(environ={f"TRAINSPEC_{name.upper()}": written}), name) == 1000


def test_a_dotenv_file_and_a_toml_file_too(tmp_path: Path) -> None:
    (tmp_path / "d.env").write_text("TRAINSPEC_SAVE_STEPS=64.0\n")
    (tmp_path / "run.toml").write_text("logging_steps = 1e1\n")
    args = load(environ={}, env_file=str(tmp_path / "d.env"), config=tmp_path / "run.toml")
    assert args.to_dict() == {"logging_steps": 10, "save_steps": 64}


@pytest.mark.parametrize("wrong", [1.5, -1.0, -0.5, float("nan"), float("inf"), True, 1e-400 - 1, "1.5", "-2.0"])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_neither_a_count_nor_a_share_stays_an_error(name: str, wrong: Any) -> None:
    with pytest.raises(ValidationError, match=name):
        TrainingArguments(**{name: wrong})


def test_a_share_stays_a_share() -> None:
    args = TrainingArguments(logging_steps=0.25, save_steps="0.5")
    assert (args.logging_steps, args.save_steps) == (0.25, 0.5)


@pytest.mark.parametrize("name", ["max_steps", "seed", "warmup_steps", "save_total_limit"])
def test_other_whole_numbers_are_still_no_floats_in_the_constructor(name: str) -> None:
    with pytest.raises(ValidationError, match="must be a whole number"):
        TrainingArguments(**{name: 8.0})


@dataclass
class AsFloat(TrainingArguments):
    """As transformers declares them."""

    save_steps: float = 500
    logging_steps: float = 10.0
    eval_steps: float | None = None


@dataclass
class AsInt(TrainingArguments):
    """As many scripts declare them."""

    save_steps: int = 500


class Other(Settings):
    """Settings in which a float is a float."""

    every: int | float = 1
    delay: float = 1.0


def test_a_class_may_keep_them_as_floats_and_means_counts() -> None:
    args = AsFloat(save_steps=64 / 8, eval_strategy="steps", load_best_model_at_end=True, logging_steps=4.0)
    assert interval_updates(args.save_steps, 1000) == 8
    assert interval_updates(args.logging_steps, 1000) == 4
    assert args.eval_steps == 4


def test_a_class_that_keeps_floats_is_judged_by_counts() -> None:
    given_ = {"eval_strategy": "steps", "load_best_model_at_end": True, "save_steps": 8.0, "eval_steps": 3.0}
    assert [item.code for item in AsFloat.check(given_).errors] == ["CKP104"]


def test_a_class_that_keeps_whole_numbers_takes_whole_floats() -> None:
    assert AsInt(save_steps=64 / 8).save_steps == 8
    assert load(AsInt, ["--save_steps", "8.0"], environ={}).save_steps == 8


def test_a_float_of_another_setting_stays_one() -> None:
    other = Other(every=2.0, delay=3.0)
    assert (type(other.every), type(other.delay)) == (float, float)


def test_evaluations_are_as_often_as_logs_where_their_interval_is_zero() -> None:
    said = {"eval_strategy": "steps", "eval_steps": 0, "logging_steps": 7}
    verdict = TrainingArguments.check(said)
    assert [item.code for item in verdict.diagnostics] == ["EVL402"]
    assert verdict.settings.eval_steps == 7
    assert verdict.settings.to_dict() == said
    assert verdict.settings.to_dict(derived=True)["eval_steps"] == 7
    assert str(verdict.settings.provenance["eval_steps"].source) == "derived from logging_steps"


def test_checkpoints_between_such_evaluations_are_told_of() -> None:
    said = {"eval_strategy": "steps", "eval_steps": 0, "logging_steps": 7, "load_best_model_at_end": True}
    assert [item.code for item in TrainingArguments.check({**said, "save_steps": 10}).errors] == ["CKP104"]
    assert TrainingArguments.check({**said, "save_steps": 14}).ok
