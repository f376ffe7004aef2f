"""The schema of the findings takes what the command really prints, and nothing looser."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from trainspec import TrainingArguments
from trainspec.cli import main
from trainspec.export.diagnostics_schema import VERSION, diagnostic, render
from trainspec.reports.json_text import JSON_VERSION

SCHEMA = render()
WHOLE = jsonschema_rs.validator_for(SCHEMA)
ONE = jsonschema_rs.validator_for({**diagnostic(), "$defs": SCHEMA["$defs"]})

DOCUMENTS = {
    "nothing wrong": "seed: 1\n",
    "a type, a bound, a choice, a name": "seed: x\nwarmup_ratio: 2\noptim: x\nlerning_rate: 1\n",
    "a rule": "fp16: true\nbf16: true\n",
    "a warning": "no_cuda: true\n",
    "several documents": "seed: 1\n---\nseed: -1\n",
    "bad syntax": "seed: [1\n",
    "a task": "task: {width: 64}\n",
    "a removed name": "n_gpu: 2\n",
}


def test_it_is_valid_by_its_metaschema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert VERSION == JSON_VERSION


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    main(["validate", "--format", "json", *words])
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_it_takes_what_is_printed(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    for options in ([], ["--strict"], ["--ignore-unknown"], ["--task", "digits"], ["--target", "v100x4"]):
        WHOLE.validate(printed(capsys, str(path), *options))


def test_it_takes_what_is_printed_of_a_missing_file_and_of_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    WHOLE.validate(printed(capsys, str(tmp_path / "missing.yaml")))
    monkeypatch.setenv("TRAINSPEC_SEDE", "1")
    monkeypatch.setenv("TRAINSPEC_SEED", "x")
    found = printed(capsys, "--env")
    assert found["summary"]["errors"] == 2
    WHOLE.validate(found)


@pytest.mark.parametrize("document", [{"seed": "x"}, {"fp16": True, "bf16": True}, {"no_cuda": True}, {"optim": []}])
def test_it_takes_every_diagnostic(document: dict[str, Any]) -> None:
    found = TrainingArguments.check(document).diagnostics
    assert found
    for item in found:
        ONE.validate(item.to_dict())


DIAGNOSTIC = TrainingArguments.check({"seed": "x"}).diagnostics[0].to_dict()
WRONG: dict[str, dict[str, Any]] = {
    "a key more": {**DIAGNOSTIC, "url": "x"},
    "a key less": {key: value for key, value in DIAGNOSTIC.items() if key != "remedy"},
    "another severity": {**DIAGNOSTIC, "severity": "hint"},
    "no code": {**DIAGNOSTIC, "code": "wrong-type"},
    "a place of no kind": {
        **DIAGNOSTIC,
        "evidence": [{"field": "a", "value": None, "source": {"kind": "x", "name": "", "line": 1, "column": 1}}],
    },
}


@pytest.mark.parametrize("item", WRONG.values(), ids=WRONG.keys())
def test_it_refuses(item: dict[str, Any]) -> None:
    assert ONE.is_valid(DIAGNOSTIC) and not ONE.is_valid(item)
