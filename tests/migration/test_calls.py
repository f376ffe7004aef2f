"""Calls in Python files: literal keywords are taken, everything else is reported with its line, nothing is run."""

from pathlib import Path
from typing import Any

import pytest

from trainspec.migration.calls import read_calls
from trainspec.settings.diagnostics import SourceError

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "keywords": ("TrainingArguments(seed=7, bf16=True)", {"seed": 7, "bf16": True}),
    "a module's": ("transformers.TrainingArguments(learning_rate=1e-4)", {"learning_rate": 1e-4}),
    "another class": ("Seq2SeqTrainingArguments(output_dir='x')", {"output_dir": "x"}),
    "a positional": ("TrainingArguments('out')", {"output_dir": "out"}),
    "old names": ("TrainingArguments(no_cuda=True, adafactor=True)", {"use_cpu": True, "optim": "adafactor"}),
    "an enum": ("TrainingArguments(eval_strategy=IntervalStrategy.EPOCH)", {"eval_strategy": "epoch"}),
    "an old enum": ("TrainingArguments(evaluation_strategy=EvaluationStrategy.STEPS)", {"eval_strategy": "steps"}),
    "minus": ("TrainingArguments(max_steps=-1)", {"max_steps": -1}),
    "a list": ("TrainingArguments(report_to=['wandb'])", {"report_to": ["wandb"]}),
    "inside a function": ("def f():\n    return g(TrainingArguments(seed=7))", {"seed": 7}),
}


@pytest.mark.parametrize(("text", "values"), CALLS.values(), ids=CALLS)
def test_a_call(text: str, values: dict[str, Any]) -> None:
    (found,) = read_calls(text, "t.py")
    assert (found.values, found.left) == (values, [])


def test_what_is_no_literal_is_reported_with_its_place() -> None:
    lines = (
        "args = TrainingArguments(",
        "seed=next_seed(),",
        "bf16=FLAG,",
        "run_name=f'{x}',",
        "fp16=False,",
        "**more)",
    )
    text = "\n".join(lines)
    (found,) = read_calls(text, "t.py")
    assert found.values == {"fp16": False}
    assert [item.source.line for item in found.left if item.source] == [2, 3, 4, 6]
    assert {item.code for item in found.left} == {"VAL106"}


def test_it_is_not_run(tmp_path: Path) -> None:
    place = tmp_path / "ran"
    text = f"open({str(place)!r}, 'w')\nTrainingArguments(run_name=open({str(place)!r}, 'w').name, seed=7)"
    (found,) = read_calls(text, "t.py")
    assert (found.values, place.exists()) == ({"seed": 7}, False)


def test_arguments_of_others_are_named() -> None:
    (found,) = read_calls("Seq2SeqTrainingArguments(predict_with_generate=True, seed=7)", "t.py")
    assert (found.values, found.others) == ({"seed": 7}, ["predict_with_generate"])


def test_every_call_in_order() -> None:
    found = read_calls("a = TrainingArguments(seed=1)\nb = TrainingArguments(seed=2)", "t.py")
    assert [one.values for one in found] == [{"seed": 1}, {"seed": 2}]


BAD = {"no call": ("seed = 1", "SRC108"), "no Python": ("a = (", "SRC107"), "a null byte": ("a\0b", "SRC107")}


@pytest.mark.parametrize(("text", "code"), BAD.values(), ids=BAD)
def test_a_file_that_cannot_be_used(text: str, code: str) -> None:
    with pytest.raises(SourceError) as error:
        read_calls(text, "t.py")
    assert error.value.diagnostics[0].code == code


@pytest.mark.parametrize("value", ["+".join(["1"] * 2000), "-" * 900 + "1", "[" * 60 + "]" * 60])
def test_an_expression_that_nests_deep_is_a_finding_or_kept(value: str) -> None:
    try:
        read_calls(f"TrainingArguments(seed={value})", "it.py")
    except SourceError as error:
        assert [item.code for item in error.diagnostics] in (["SRC109"], ["SRC107"])


def test_what_makes_up_a_secret_is_not_told() -> None:
    found = read_calls("TrainingArguments(hub_token='canary-9' + x, seed=y + 1)", "it.py")[0]
    told = "".join(item.render() for item in found.left)
    assert "canary" not in told and "hub_token=... is no literal" in told and "seed=y + 1 is no literal" in told
