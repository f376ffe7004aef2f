"""Promise: a trainer_state.json that no run can have written is told by name, before anything is copied or trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.training.foreign.theirs import Points, Small, settings, trained

from trainspec import TrainingArguments
from trainspec.cli import main
from trainspec.training.checkpoint import CheckpointError
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.trainer import Trainer

pytest.importorskip("transformers")

ODD: list[tuple[str, Any]] = [
    *(("log_history", value) for value in ("x", -3, {"a": 1}, 0, [1], [None])),
    *(("stateful_callbacks", value) for value in ("x", -3, [1], 0)),
    *(("best_model_checkpoint", value) for value in (-3, float("nan"), [1], {"a": 1}, True)),
    *(("best_metric", value) for value in ("x", [1], {"a": 1}, True)),
    *(("best_global_step", value) for value in ("x", -3, 4.5, [1])),
    *(("train_batch_size", value) for value in ("x", -3, float("nan"), [1], {"a": 1}, True)),
    *(("total_flos", value) for value in ("x", [1], {"a": 1})),
    *(("num_input_tokens_seen", value) for value in ("x", [1], {"a": 1})),
]
FINE = [("train_batch_size", None), ("train_batch_size", 0), ("log_history", None), ("best_metric", float("nan"))]


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("theirs")
    trained(folder, max_steps=4)
    return folder / "checkpoint-4"


def changed(original: Path, tmp_path: Path, name: str, value: Any) -> Path:
    folder = shutil.copytree(original, tmp_path / "theirs" / "checkpoint-4")
    file = folder / "trainer_state.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), name: value}))
    return folder


@pytest.mark.parametrize(("name", "value"), ODD, ids=str)
def test_an_odd_part_is_named(
    original: Path, tmp_path: Path, name: str, value: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = changed(original, tmp_path, name, value), tmp_path / "out"
    for words in (["import", str(folder.parent), str(out)], ["import", str(folder), str(out)], ["show", str(folder)]):
        assert main(["checkpoints", *words]) in (1, 2)
        said = "".join(capsys.readouterr())
        assert "trainer_state.json" in said and name in said
        assert not out.exists() or not list(out.iterdir())
    args = TrainingArguments(output_dir=str(out), **settings(max_steps=6))
    with pytest.raises((CheckpointError, PreflightError), match=name):
        Trainer(Small(), args, train_dataset=Points()).train(resume_from_checkpoint=str(folder))


@pytest.mark.parametrize(("name", "value"), FINE, ids=str)
def test_what_a_run_may_have_written_is_taken(original: Path, tmp_path: Path, name: str, value: Any) -> None:
    folder = changed(original, tmp_path, name, value)
    args = TrainingArguments(output_dir=str(tmp_path / "out"), **settings(max_steps=6))
    trainer = Trainer(Small(), args, train_dataset=Points())
    trainer.train(resume_from_checkpoint=str(folder))
    assert trainer.state.global_step == 6


def test_an_index_of_nothing_is_no_weights(original: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shutil.copytree(original, tmp_path / "theirs" / "checkpoint-4")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"metadata": {}, "weight_map": {}}')
    assert main(["checkpoints", "import", str(folder), str(tmp_path / "out")]) == 1
    assert "model.safetensors.index.json names no tensor" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
