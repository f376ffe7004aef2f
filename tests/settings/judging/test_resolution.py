"""Settings that name a file, and arguments typed by another setting, are checked as deeply as the rest."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from trainspec import Rule, TrainingArguments, diagnostics, load
from trainspec.settings.rules.predicates import above

FILES: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("good json", {"min_num_params": 1000}, "fsdp.json", []),
    ("old prefix", {"fsdp_min_num_params": 1000}, "fsdp.json", []),
    ("unknown key", {"min_num_parms": 1000}, "fsdp.json", ["VAL107"]),
    ("bad value", {"version": 3}, "fsdp.json", ["VAL103"]),
    (
        "rule broken inside the file",
        {"min_num_params": 10, "transformer_layer_cls_to_wrap": ["Block"]},
        "fsdp.json",
        ["PAR103"],
    ),
    ("not a mapping", [1], "fsdp.json", ["SRC108"]),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("content", "name", "codes"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_named_file_is_read_and_judged(
    content: dict[str, Any], name: str, codes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(json.dumps(content, indent=1))
    verdict = TrainingArguments.check({"fsdp": "full_shard auto_wrap", "fsdp_config": name})
    assert [item.code for item in verdict.errors] == codes
    if not codes:
        assert verdict.settings.fsdp_config.min_num_params == 1000
        assert verdict.settings.to_dict()["fsdp_config"] == name


def test_a_fault_in_a_named_file_is_cited_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fsdp.yaml").write_text("# sharding\nversion: 2\nmin_num_parms: 3\n")
    (fault,) = TrainingArguments.check({"fsdp": "full_shard auto_wrap", "fsdp_config": "fsdp.yaml"}).errors
    assert str(fault.source) == "fsdp.yaml:3:1"
    assert fault.remedy == "did you mean min_num_params?"


def test_a_change_elsewhere_does_not_read_the_file_again(tmp_path: Path) -> None:
    file = tmp_path / "fsdp.json"
    file.write_text('{"version": 1}')
    args = TrainingArguments.check({"fsdp": "full_shard", "fsdp_config": str(file)}).settings
    file.unlink()
    assert args.replace(seed=1).fsdp_config.version == 1


ARGUMENTS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("known", {"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"num_cycles": 0.5}}, []),
    ("unknown", {"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"num_cycle": 0.5}}, ["SCH201"]),
    ("wrong type", {"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"num_cycles": "half"}}, ["SCH202"]),
    ("not finite", {"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"num_cycles": float("inf")}}, ["SCH202"]),
    ("of another schedule", {"lr_scheduler_type": "linear", "lr_scheduler_kwargs": {"num_cycles": 0.5}}, ["SCH201"]),
    ("optimizer text", {"optim": "sgd", "optim_args": "momentum=0.9"}, []),
    ("optimizer text, unknown", {"optim": "sgd", "optim_args": "momentun=0.9"}, ["OPT201"]),
    ("optimizer text, wrong type", {"optim": "sgd", "optim_args": "momentum=lots"}, ["OPT202"]),
    ("optimizer text, malformed", {"optim": "sgd", "optim_args": "momentum"}, ["OPT203"]),
    ("optimizer text, twice", {"optim": "sgd", "optim_args": "momentum=0.9,momentum=0.8"}, ["OPT203"]),
]


@pytest.mark.parametrize(("document", "codes"), [row[1:] for row in ARGUMENTS], ids=[row[0] for row in ARGUMENTS])
def test_arguments_are_typed_by_what_takes_them(document: dict[str, Any], codes: list[str]) -> None:
    assert [item.code for item in TrainingArguments.check(document).errors] == codes


def test_keys_are_not_laid_over_a_file_that_a_weaker_source_names(tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("fsdp: full_shard\nfsdp_config: fsdp.json\n")
    with pytest.raises(ValidationError) as caught:
        load(environ={"TRAINSPEC_FSDP_CONFIG__VERSION": "2"}, config=str(config))
    (fault,) = diagnostics(caught.value)
    assert fault.code == "SRC113"
    assert [str(item.source).rpartition("/")[2] for item in fault.evidence] == [
        "run.yaml:2:1",
        "TRAINSPEC_FSDP_CONFIG__VERSION (environment)",
    ]


def test_nested_variables_are_typed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_LR_SCHEDULER_TYPE", "cosine_with_min_lr")
    monkeypatch.setenv("TRAINSPEC_LR_SCHEDULER_KWARGS__MIN_LR", "1e-6")
    assert TrainingArguments("o").lr_scheduler_kwargs == {"min_lr": 1e-6}


def test_a_reason_given_inside_a_section_reaches_the_user() -> None:
    (fault,) = TrainingArguments.check({"fsdp": "full_shard", "fsdp_config": {"version": 1, "fsdp_version": 2}}).errors
    assert fault.code == "VAL106"
    assert "version and fsdp_version" in fault.message


class Team(TrainingArguments):
    """Settings with a rule about an argument of the schedule."""

    steep = Rule(
        code="ACME101",
        name="steep",
        message="lr_end in lr_scheduler_kwargs is too high",
        reason="of us",
        fix="lower it",
        when=above("lr_scheduler_kwargs.lr_end", 1e-3),
    )


@pytest.mark.parametrize(("lr_end", "code"), [("low", "SCH202"), (0.01, "ACME101")])
def test_a_condition_meets_no_argument_of_the_wrong_type(lr_end: Any, code: str) -> None:
    document = {"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"lr_end": lr_end}, "learning_rate": 1}
    assert [item.code for item in Team.check(document).errors] == [code]


def test_a_rule_is_not_asked_about_an_argument_of_the_wrong_type() -> None:
    document = {"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"lr_end": "low"}, "learning_rate": 1e-8}
    assert [item.code for item in TrainingArguments.check(document).errors] == ["SCH202"]
