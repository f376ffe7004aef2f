"""Promise: nothing of a checkpoint of ours is unpickled, or pickled, on any way that a run takes."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from tests.training.checkpoint.older import test_format_1
from tests.training.checkpoint.ranks.dealt import deal
from tests.training.checkpoint.ranks.jobs import train
from tests.training.parallel.world import run_in
from tests.training.small_job import Line, Make, Rows

from trainspec.answers.checkpoints.comparing import compare_checkpoints
from trainspec.answers.checkpoints.exporting import export_model
from trainspec.storage import open_store
from trainspec.training.foreign.finding import open_any

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


@contextmanager
def without_pickles(*more: str, torch_files: list[str] | None = None) -> Iterator[None]:
    """Whoever unpickles in here fails; `more` of pickle's functions are refused too.

    Where there are `torch_files`, torch may read them, as data alone; the list is told how each was read.
    """
    load = torch.load

    def safe(*args: Any, weights_only: bool | None = None, **known: Any) -> Any:
        assert weights_only is True and torch_files is not None
        torch_files.append("weights only")
        return load(*args, weights_only=True, **known)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("load", "loads", *more):
            patch.setattr(pickle, name, _refuse)
        # Classes that others derive from, when they are imported meanwhile.
        for kind in (pickle.Unpickler,):
            patch.setattr(pickle, kind.__name__, type(kind.__name__, (kind,), {"__init__": _refuse}))
        patch.setattr(torch, "save", _refuse)
        patch.setattr(torch, "load", _refuse if torch_files is None else safe)
        if torch_files is None:
            patch.setattr(torch._weights_only_unpickler, "Unpickler", _refuse)
        patch.setattr(numpy, "load", _refuse)
        patch.setattr(numpy.lib.format, "read_array", _refuse)
        yield


@pytest.fixture
def no_pickles() -> Iterator[None]:
    with without_pickles("dump", "dumps"):
        yield


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


def _dealt_out_and_gone_on_with(folder: Path) -> None:
    deal()
    train(folder / "out", max_steps=3)
    with without_pickles():
        train(folder / "out", str(folder / "out" / "checkpoint-3"))


def test_parts_of_several_processes(tmp_path: Path) -> None:
    """On the same layout, on one process alone, and by the commands that read all parts."""
    run_in(2, _dealt_out_and_gone_on_with, tmp_path)
    checkpoint = tmp_path / "out" / "checkpoint-3"
    assert {path.suffix for path in checkpoint.iterdir()} == {".safetensors", ".json"}
    with without_pickles("dump", "dumps"):
        resumed = train(tmp_path / "alone", str(checkpoint))
        assert resumed["rows"][2] == 6
        opened = open_any(str(checkpoint))
        opened.verify()
        export_model(opened, open_store(tmp_path / "model"), with_optimizer=True)
        assert compare_checkpoints(open_any(str(tmp_path / "out" / "checkpoint-6")), opened)


@pytest.mark.parametrize("number", [1, 2])
def test_torch_files_of_older_formats_are_read_without_code(make_trainer: Make, tmp_path: Path, number: int) -> None:
    with zipfile.ZipFile(Path(test_format_1.__file__).with_name(f"format_{number}.zip")) as stored:
        stored.extractall(tmp_path / "old")
    trainer = make_trainer(model=Line(dropout=0.3), train_dataset=Rows(22), **test_format_1.RUN)
    read: list[str] = []
    with without_pickles(torch_files=read):
        trainer.train(resume_from_checkpoint=str(tmp_path / "old" / "checkpoint-4"))
    assert trainer.state.global_step == 6 and len(read) == 2, "optimizer and schedule"
