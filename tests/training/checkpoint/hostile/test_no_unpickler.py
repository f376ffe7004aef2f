"""Promise: nothing of a checkpoint of ours is unpickled, or pickled, on any way that a run takes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows

RUN: dict[str, Any] = {
    "max_steps": 6,
    "save_steps": 2,
    "eval_steps": 2,
    "save_strategy": "steps",
    "eval_strategy": "steps",
    "per_device_train_batch_size": 4,
    "load_best_model_at_end": True,
}


def _refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("something was pickled or unpickled")


@pytest.fixture
def no_pickles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("load", "loads", "dump", "dumps"):
        monkeypatch.setattr(pickle, name, _refuse)
    # Classes that others derive from, when they are imported meanwhile.
    for kind in (pickle.Unpickler,):
        monkeypatch.setattr(pickle, kind.__name__, type(kind.__name__, (kind,), {"__init__": _refuse}))
    for name in ("load", "save"):
        monkeypatch.setattr(torch, name, _refuse)
    monkeypatch.setattr(torch._weights_only_unpickler, "Unpickler", _refuse)


@pytest.mark.usefixtures("no_pickles")
def test_save_resume_best_evaluate_and_predict(make_trainer: Make, tmp_path: Path) -> None:
    whole = make_trainer(model=Line(), train_dataset=Rows(), eval_dataset=Rows(8), **RUN)
    whole.train()
    again = make_trainer(model=Line(), train_dataset=Rows(), eval_dataset=Rows(8), **RUN)
    again.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-2"))
    assert torch.equal(again.model.layer.weight, whole.model.layer.weight)
    assert again.evaluate() and again.predict(Rows(8)).predictions is not None
    names = {path.suffix for path in (tmp_path / "out" / "checkpoint-6").iterdir()}
    assert names <= {".safetensors", ".json", ".md", ".txt"}, names


def test_the_manifest_says_what_is_in_the_files(make_trainer: Make, tmp_path: Path) -> None:
    make_trainer(model=Line(), train_dataset=Rows(), eval_dataset=Rows(8), **RUN).train()
    manifest = json.loads((tmp_path / "out" / "checkpoint-6" / "manifest.json").read_text())
    tensors = {file["name"]: file["tensors"] for file in manifest["files"] if "tensors" in file}
    assert tensors["model.safetensors"] == {"layer.bias": "F32[1]", "layer.weight": "F32[1, 4]"}
    assert tensors["optimizer.safetensors"]["state.layer.weight.exp_avg"] == "F32[1, 4]"
    assert manifest["format"] == 3 and manifest["versions"]["torch"] == str(torch.__version__)


class Odd(torch.optim.SGD):
    """Keeps an object in its state that no file holds."""

    def step(self, closure: Any = None) -> Any:
        done = super().step(closure)
        for group in self.param_groups:
            for value in group["params"]:
                self.state[value]["history"] = object()
        return done


def test_a_state_that_cannot_be_said_is_refused_by_its_place(make_trainer: Make, tmp_path: Path) -> None:
    model = Line()
    optimizer = Odd(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer)
    run = {**RUN, "load_best_model_at_end": False}
    trainer = make_trainer(
        model=model, train_dataset=Rows(), eval_dataset=Rows(8), optimizers=(optimizer, schedule), **run
    )
    with pytest.raises(
        TypeError, match=r"optimizer's state cannot be saved: state\.layer\.weight\.history is a builtins"
    ):
        trainer.train()
