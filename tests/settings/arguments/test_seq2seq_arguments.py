"""Seq2SeqTrainingArguments: every source, view and rule holds for its settings too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trainspec import HfArgumentParser, Seq2SeqTrainingArguments, load, validate
from trainspec.answers.rule import meanings
from trainspec.cli import main
from trainspec.export import json_schema
from trainspec.settings.arguments.generation_rules import NEVER_DEAD, RULES

OWN = (
    "sortish_sampler",
    "predict_with_generate",
    "generation_max_length",
    "generation_num_beams",
    "generation_config",
)
EVALUATED = {"do_eval": True}
GENERATED = {**EVALUATED, "predict_with_generate": True}
BORDERS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("GEN301", {"generation_max_length": 8, **EVALUATED}, {"generation_max_length": 8, **GENERATED}),
    ("GEN302", {"generation_num_beams": 2, **EVALUATED}, {"generation_num_beams": 2, **GENERATED}),
    ("GEN303", {"predict_with_generate": True}, GENERATED),
    ("GEN303", {"predict_with_generate": True}, {"predict_with_generate": True, "do_predict": True}),
    ("GEN304", {**GENERATED, "prediction_loss_only": True}, GENERATED),
    ("GEN305", {"sortish_sampler": True, "group_by_length": True}, {"sortish_sampler": True}),
    ("DAT301", {"length_column_name": "n"}, {"length_column_name": "n", "sortish_sampler": True}),
]


def codes(document: dict[str, Any]) -> list[str]:
    return [item.code for item in validate(document, Seq2SeqTrainingArguments).diagnostics]


@pytest.mark.parametrize("code, wrong, right", BORDERS)
def test_a_rule_holds_on_its_side_of_the_border(code: str, wrong: Any, right: Any) -> None:
    assert code in codes(wrong)
    assert code not in codes(right)


def test_every_rule_is_tried_and_explained() -> None:
    assert {rule.code for rule in RULES} == {code for code, _, _ in BORDERS if code.startswith("GEN")}
    assert {rule.code for rule in RULES} <= meanings().keys()


def test_every_setting_can_be_dead_or_has_a_reason_why_not() -> None:
    dead = {name for rule in RULES for name in OWN if rule.message.startswith(f"{name} is set and has no effect")}
    assert dead | NEVER_DEAD.keys() == {*OWN}
    assert not dead & NEVER_DEAD.keys()


def test_the_settings_come_after_all_others() -> None:
    assert tuple(Seq2SeqTrainingArguments.model_fields)[-5:] == OWN


@pytest.mark.parametrize(
    "name, value",
    [
        ("generation_max_length", 0),
        ("generation_num_beams", 0),
        ("generation_num_beams", 1.5),
        ("predict_with_generate", 1),
        ("generation_config", ""),
        ("generation_config", 3),
    ],
)
def test_a_value_beyond_its_bounds_is_refused(name: str, value: Any) -> None:
    found = validate({name: value, **GENERATED} if name != "predict_with_generate" else {name: value}, _CLASS)
    assert [item.fields for item in found.errors] == [(name,)]


_CLASS = Seq2SeqTrainingArguments


def test_variables_and_files_say_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(
        "output_dir: out\ndo_eval: true\npredict_with_generate: true\ngeneration_num_beams: 2\n"
        "generation_config:\n  num_beams: 3\n"
    )
    monkeypatch.setenv("TRAINSPEC_GENERATION_MAX_LENGTH", "12")
    monkeypatch.setenv("TRAINSPEC_GENERATION_CONFIG__LENGTH_PENALTY", "0.6")
    args = load(_CLASS, config=str(tmp_path / "run.yaml"))
    assert (args.generation_max_length, args.generation_num_beams) == (12, 2)
    assert args.generation_config == {"num_beams": 3, "length_penalty": 0.6}
    assert "TRAINSPEC_GENERATION_MAX_LENGTH" in str(args.provenance["generation_max_length"])


def test_flags_say_them() -> None:
    words = ["--output_dir", "out", "--do_eval", "--predict_with_generate", "--generation_config.num_beams", "3"]
    words += ["--generation_config.early_stopping", "true", "--generation_max_length", "8"]
    (args,) = HfArgumentParser(_CLASS).parse_args_into_dataclasses(words)
    assert args.generation_config == {"num_beams": 3, "early_stopping": True}
    assert args.predict_with_generate and args.generation_max_length == 8


def test_a_document_of_them_reads_back() -> None:
    args = _CLASS("out", generation_config=Path("some/folder"), **GENERATED)
    assert _CLASS.from_dict(args.to_dict()) == args
    assert json.loads(args.to_json_string())["generation_config"] == "some/folder"


def test_the_schema_knows_them() -> None:
    schema = json.loads(json_schema.render(_CLASS, draft="2020-12"))
    assert {*OWN} <= schema["properties"].keys()


def test_commands_take_the_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.yaml").write_text("output_dir: out\ngeneration_num_beems: 2\n")
    assert main(["validate", str(tmp_path / "run.yaml"), "--model", "trainspec:Seq2SeqTrainingArguments"]) == 1
    assert "did you mean generation_num_beams" in capsys.readouterr().out
