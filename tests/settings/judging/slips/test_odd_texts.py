"""Texts that are valid and hardly meant: one warning each, in every source; what is meant so has none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from trainspec import SettingsWarning, TrainingArguments, diagnostics, load

UNFILLED, IN_WORDS, QUOTED = "VAL201", "VAL202", "VAL203"
ODD = {
    "of OmegaConf": ("${oc.env:OUT}", UNFILLED),
    "of a shell": ("$JOB_ID", UNFILLED),
    "of a batch file": ("C:/%USERPROFILE%/runs", UNFILLED),
    "of a shell, inside": ("runs/$USER/x", UNFILLED),
    "of a shell, with a default": ("${OUT:-out}/x", UNFILLED),
    "a command": ("$(date +%s)", UNFILLED),
    "of a template": ("{{ name }}", UNFILLED),
    "of a template, as CI systems write it": ("run-${{ github.sha }}", UNFILLED),
    "of configparser": ("%(here)s/out", UNFILLED),
    "missing in OmegaConf": ("???", UNFILLED),
    "None": ("None", IN_WORDS),
    "null": ("null", IN_WORDS),
    "quotes": ("'out'", QUOTED),
    "double quotes": ('"out dir"', QUOTED),
}
NOT_ODD = [
    "out",
    "runs/a b",
    "5$",
    "a$",
    "it's",
    "'tis",
    "{a}",
    "what?",
    "100%",
    "%Y%m%d",
    "s3://bucket/%CE%B1",
    "none",
    "nullable",
    "'a' or 'b'",
    "$5",
]
quietly = pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")


def codes(args: TrainingArguments) -> list[str]:
    assert args.origin is not None
    return [item.code for item in args.origin.found if item.code.startswith("VAL")]


@quietly
@pytest.mark.parametrize(("text", "code"), ODD.values(), ids=ODD)
@pytest.mark.parametrize("name", ["output_dir", "hub_revision", "torch_compile_backend", "metric_for_best_model"])
def test_it_is_warned_of_once_in_every_source(name: str, text: str, code: str, tmp_path: Path) -> None:
    verdict = TrainingArguments.check({name: text})
    (told,) = [item for item in verdict.diagnostics if item.code.startswith("VAL")]
    assert (told.code, told.severity, told.fields) == (code, "warning", (name,))
    assert verdict.settings.to_dict() == {name: text}
    (tmp_path / "run.toml").write_text(f"{name} = '''{text}'''")
    assert codes(TrainingArguments.from_file(tmp_path / "run.toml")) == [code]
    assert codes(TrainingArguments(**{name: text})) == [code]
    # A flag that spells null says null, where that can be said.
    is_null = code == IN_WORDS and name != "output_dir"
    for args in (load(argv=[f"--{name}={text}"], environ={}), load(environ={f"TRAINSPEC_{name.upper()}": text})):
        assert codes(args) == [code] * (not is_null)


@quietly
@pytest.mark.parametrize("name", ["output_dir", "run_name", "hub_revision"])
@pytest.mark.parametrize("text", NOT_ODD)
def test_what_may_be_meant_so_is_not_warned_of(name: str, text: str) -> None:
    found = TrainingArguments.check({name: text}).diagnostics
    assert [item.code for item in found if item.code.startswith("VAL")] == []


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1))
def test_any_text_is_judged_alike_on_the_fast_way_and_the_thorough_one(text: str) -> None:
    fast = TrainingArguments.check({"run_name": text})
    thorough = TrainingArguments.check({"run_name": text, "hub_token": "x"})
    told = [[item.code for item in one.diagnostics if item.code.startswith("VAL")] for one in (fast, thorough)]
    assert told[0] == told[1]


def test_places_are_told() -> None:
    verdict = TrainingArguments.check({"label_names": ["a", "$B"], "eval_strategy": "epoch"})
    (told,) = verdict.warnings
    assert told.fields == ("label_names.1",)
    deep = {"deepspeed": {"flops_profiler": {"output_file": "$F"}}}
    (told,) = [item for item in TrainingArguments.check(deep).diagnostics if item.code == UNFILLED]
    assert told.fields == ("deepspeed.flops_profiler.output_file",)


def test_a_secret_is_not_shown() -> None:
    (told,) = [
        item for item in TrainingArguments.check({"hub_token": "${HF_TOKEN_OF_ACME}"}).warnings if item.code == UNFILLED
    ]
    assert told.fields == ("hub_token",)
    assert "ACME" not in told.render()


@pytest.mark.parametrize("token", ["pa$$word", "a$b", "{{x", "it's"])
def test_a_secret_may_have_such_characters_in_it(token: str) -> None:
    found = TrainingArguments.check({"hub_token": token}).diagnostics
    assert [item.code for item in found if item.code.startswith("VAL")] == []


@quietly
def test_a_key_that_a_variable_says_is_looked_at_too() -> None:
    args = load(environ={"TRAINSPEC_DEEPSPEED__FLOPS_PROFILER__OUTPUT_FILE": "$OUT/flops.txt"})
    assert codes(args) == [UNFILLED]


@pytest.mark.parametrize("word", ["true", "False"])
def test_a_switch_in_quotes_that_is_taken_for_a_path(word: str) -> None:
    (told,) = TrainingArguments.check({"resume_from_checkpoint": word}).warnings
    assert told.code == IN_WORDS
    assert f"write {word.lower()}, without quotes" in told.remedy


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a placeholder for a number": ({"learning_rate": "${lr}"}, "placeholders are not filled in here"),
    "a placeholder for a choice": ({"lr_scheduler_type": "{{ sched }}"}, "placeholders are not filled in here"),
    "a number in quotes twice": ({"learning_rate": '"3e-4"'}, "the quotes are part of the value"),
    "a choice in quotes twice": ({"optim": "'adamw_torch'"}, "the quotes are part of the value"),
    "None for a number": ({"neftune_noise_alpha": "None"}, "write null, without quotes"),
    "None for a whole number": ({"save_total_limit": "null"}, "write null, without quotes"),
    "trackers with a comma": ({"report_to": "wandb, tensorboard"}, "write it as a list: [wandb, tensorboard]"),
    "trackers without a blank": ({"report_to": "wandb,mlflow"}, "write it as a list: [wandb, mlflow]"),
    "trackers with a blank": ({"report_to": "wandb mlflow"}, "write it as a list: [wandb, mlflow]"),
    "inputs": ({"include_for_metrics": "inputs, loss"}, "write it as a list: [inputs, loss]"),
    "names": ({"label_names": "labels,start"}, "write it as a list: [labels, start]"),
}


@pytest.mark.parametrize(("document", "remedy"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_has_the_remedy(document: dict[str, Any], remedy: str) -> None:
    (fault,) = TrainingArguments.check(document).errors
    assert remedy in fault.remedy


def test_quotes_of_an_env_file_are_told_of() -> None:
    with pytest.raises(ValidationError) as caught:
        load(environ={"TRAINSPEC_LEARNING_RATE": '"3e-4"', "TRAINSPEC_OPTIM": "'sgd'"})
    assert {item.remedy for item in diagnostics(caught.value)} == {
        "the quotes are part of the value: write it without them"
    }


@dataclass
class Own(TrainingArguments):
    """A class with texts of its own, of which some are templates."""

    prompt: str = ""
    data_path: str | None = None
    api_token: SecretStr | None = None


def test_a_template_of_a_users_own_class_is_none_of_ours() -> None:
    said = {"prompt": "Say {{ name }}: ${greeting} $NAME {% if x %}", "data_path": "/data/{split}"}
    assert Own.check(said).diagnostics == []


@pytest.mark.parametrize("text", ["${DATA}", "$DATA", "???", "None", "'a'"])
def test_a_text_of_a_users_own_class_that_is_nothing_else_is_warned_of(text: str) -> None:
    (told,) = Own.check({"data_path": text}).warnings
    assert told.fields == ("data_path",)


def test_a_change_warns_of_what_it_changes_alone() -> None:
    with pytest.warns(SettingsWarning, match="VAL201"):
        args = TrainingArguments(output_dir="$OUT")
    args.seed = 3
    assert codes(args) == [UNFILLED]
    with pytest.warns(SettingsWarning, match="VAL202"):
        args.output_dir = "None"
    assert codes(args) == [IN_WORDS]


NUMBERED: dict[str, tuple[dict[str, Any], str]] = {
    "a number that is no choice": ({"fsdp_config": {"version": 3}, "fsdp": "full_shard"}, "VAL103"),
    "a text that is no choice": ({"fsdp_config": {"version": "x"}, "fsdp": "full_shard"}, "VAL103"),
    "a number among numbers and texts": ({"deepspeed": {"zero_optimization": {"stage": 9}}}, "VAL103"),
    "a switch for a number": ({"fsdp_config": {"version": True}, "fsdp": "full_shard"}, "VAL101"),
    "a fraction for a number": ({"fsdp_config": {"version": 1.5}, "fsdp": "full_shard"}, "VAL101"),
    "a number for a text": ({"optim": 3}, "VAL101"),
}


@pytest.mark.parametrize(("document", "code"), NUMBERED.values(), ids=NUMBERED)
def test_a_value_of_the_right_type_that_is_no_choice_has_one_code(document: dict[str, Any], code: str) -> None:
    assert [item.code for item in TrainingArguments.check(document).errors] == [code]
