"""Configurations of other programs: whose they are, what of them is a setting, and nothing of them lost or made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.settings.strategies import documents

from trainspec import TrainingArguments
from trainspec.cli import main
from trainspec.migration.foreign.commented_json import without_comments
from trainspec.migration.foreign.kinds import kind_of
from trainspec.migration.reading import read_sources
from trainspec.settings.sources.files import parse_document

FILES: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "foreign.yaml").read_text())


@pytest.mark.parametrize("case", FILES.values(), ids=FILES)
def test_a_file(case: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / case.get("file", "run.yaml")
    path.write_text(case["text"])
    (found,) = read_sources(str(path), "file", None)
    assert found.facts["kind"] == case["kind"]
    assert (found.values, found.others) == (case["settings"], case.get("foreign", []))
    assert sorted(field for item in found.left for field in item.fields) == case.get("left", [])
    assert found.secrets == case.get("secrets", [])
    assert found.notes == [f"this is a configuration of {case['kind']}", *case.get("notes", [])]


@pytest.mark.parametrize("case", FILES.values(), ids=FILES)
def test_every_key_is_a_setting_or_told(case: dict[str, Any]) -> None:
    """A key that says something is a setting's, named as foreign, left to do, or about the launch."""
    values = yaml.safe_load(without_comments(case["text"]))
    said = {name for name, value in values.items() if value not in (None, "", [], {}, "no", False)}
    told = {name.partition(".")[0] for name in case.get("foreign", [])} | set(case["settings"])
    told |= {*case.get("left", []), *case.get("secrets", [])}
    structure = {"compute_environment", "distributed_type", "fsdp_config", "deepspeed_config", "dynamo_config", "env"}
    structure |= {"mixed_precision", "use_cpu", "train_micro_batch_size_per_gpu", "zero_optimization", "optimizer"}
    structure |= {
        "scheduler",
        "gradient_clipping",
        "fp16",
        "bf16",
        "evaluation_strategy",
        "gradient_accumulation_steps",
    }
    own = {"micro_batch_size", "num_epochs", "lr_scheduler", "wandb_project", "wandb_name", "evals_per_epoch"}
    own |= {"saves_per_epoch", "cosine_min_lr_ratio", "use_tensorboard", "disable_gradient_checkpointing"}
    assert said - told - structure - own == set()


@pytest.mark.parametrize("case", FILES.values(), ids=FILES)
def test_what_the_command_says(case: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / case.get("file", "run.yaml")
    path.write_text(case["text"])
    code = main(["migrate", str(path)])
    said = capsys.readouterr()
    assert code == (1 if case.get("left") else 0)
    assert (path.read_text(), f"a configuration of {case['kind']}" in said.err) == (case["text"], True)
    assert parse_document(said.out, "yaml", "stdout").values == case["settings"]
    assert main(["migrate", str(path), "--check"]) == 0
    assert "left as it is" in capsys.readouterr().err
    assert main(["migrate", str(path), "--format", "json"]) == code
    said = capsys.readouterr()
    assert json.loads(said.out)["sources"][0]["kind"] == case["kind"]
    assert "verysecret" not in said.out + said.err


def test_places_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("base_model: m\nmicro_batch_size: 1\nbf16: auto\n")
    (found,) = read_sources(str(path), "file", None)
    assert [(item.source.line, item.source.column) for item in found.left if item.source] == [(3, 1)]


@given(documents)
def test_settings_of_ours_are_nobody_elses(values: dict[str, Any]) -> None:
    assert kind_of(values) == ""


@pytest.mark.parametrize("case", FILES.values(), ids=FILES)
def test_what_comes_out_is_valid_and_ours(case: dict[str, Any]) -> None:
    values = {name: value for name, value in case["settings"].items() if value != "ds.json"}
    known = TrainingArguments.field_kinds()
    assert set(values) <= set(known)
    verdict = TrainingArguments.check(values)
    assert [item.code for item in verdict.errors if item.code.startswith(("VAL", "SRC"))] == []


@given(st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_json_without_comments_stays_as_it_is(value: Any) -> None:
    text = json.dumps(value, indent=1)
    assert without_comments(text) == text
