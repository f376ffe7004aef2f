"""Promise: what is evaluated, and what predicts, is the model that training wrote; another one is told by its name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.training.command.test_run import Phases

from trainspec import TrainingArguments
from trainspec.training.command.train import COULD_NOT_RUN, FINE, run_task
from trainspec.training.trainer import Trainer

Arguments = Callable[..., TrainingArguments]


@pytest.fixture
def out(arguments: Arguments, tmp_path: Path) -> Path:
    """The output folder of a run, with one checkpoint."""
    assert run_task(arguments(save_strategy="epoch"), Phases()) == FINE
    return tmp_path / "out"


@pytest.fixture
def later(arguments: Arguments) -> Callable[..., TrainingArguments]:
    return lambda **changes: arguments(do_train=False, **{"do_predict": True, **changes})


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


def others(path: Path) -> None:
    """The same names, shapes and size, of another training."""
    save_file({name: value + 1 for name, value in load_file(path).items()}, path, {"format": "pt"})


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


def gone(path: Path) -> None:
    """What an older run left there is no stand-in for it."""
    torch.save(load_file(path), path.with_name("pytorch_model.bin"))
    path.unlink()


DAMAGES = {
    "a bit": (flip, "content of model.safetensors has changed"),
    "others": (others, "content of model.safetensors has changed"),
    "cut": (cut, "model.safetensors has "),
    "gone": (gone, "model.safetensors is missing"),
    "a list that is none": (lambda path: path.with_name("model_manifest.json").write_text("["), "is damaged"),
}


@pytest.mark.parametrize("damage, told", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("phases", [{"do_predict": False}, {"do_eval": False}], ids=["evaluate", "predict"])
def test_another_model_than_was_written_is_refused(
    out: Path, later: Arguments, capsys: pytest.CaptureFixture[str], damage: object, told: str, phases: dict[str, bool]
) -> None:
    assert run_task(later(**phases), Phases()) == FINE
    (out / "predictions.jsonl").unlink(missing_ok=True)
    assert callable(damage)
    damage(out / "model.safetensors")
    capsys.readouterr()
    assert run_task(later(**phases), Phases()) == COULD_NOT_RUN
    said = capsys.readouterr().err
    assert said.count("error") == 1 and told in said and "model_manifest.json" in said and "Traceback" not in said
    assert not (out / "predictions.jsonl").exists()
    # Where it was changed on purpose.
    (out / "model_manifest.json").unlink()
    assert run_task(later(**phases), Phases()) == (COULD_NOT_RUN if damage is cut else FINE)


def test_what_a_script_saves_there_is_not_compared_with_what_was_there(
    out: Path, later: Arguments, arguments: Arguments
) -> None:
    phases = Phases()
    assert run_task(later(), phases) == FINE
    with torch.no_grad():
        phases.model.layer.weight += 1
    Trainer(phases.model, arguments(do_train=False)).save_model()
    assert not (out / "model_manifest.json").exists()
    assert run_task(later(), Phases()) == FINE


def test_the_summary_names_the_newest_that_is_whole(
    out: Path, later: Arguments, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(out / "checkpoint-6", out / "checkpoint-9")
    (out / "checkpoint-9" / "manifest.json").unlink()
    capsys.readouterr()
    assert run_task(later(), Phases()) == FINE
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.strip().startswith("checkpoint ")]
    assert line.endswith("checkpoint-6")
    noted = json.loads((out / "model_manifest.json").read_text())
    assert noted["global_step"] == 6 and [file["name"] for file in noted["files"]] == ["model.safetensors"]
