"""Promise: a save in flight is lost by no end of a run but that of its process, and nobody calls newest what is not."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.run.saving.held import At, Saves, Thread, contents, ended
from tests.training.small_job import Line, Make, weights
from torch import Tensor

from trainspec.storage import open_store
from trainspec.training.checkpoint import list_checkpoints, open_checkpoint
from trainspec.training.interruption import Terminated

RUN: dict[str, Any] = {"save_strategy": "steps", "save_steps": 2, "max_steps": 6, "logging_steps": 1}
ON: dict[str, Any] = {**RUN, "save_in_background": True}


class Broken(Exception):
    pass


def _raised(error: type[BaseException], thread: Thread) -> Any:
    def call() -> None:
        threading.Timer(0.3, thread.go.set).start()
        raise error

    return call


@pytest.mark.parametrize("error", [Broken, KeyboardInterrupt, Terminated])
@pytest.mark.parametrize("fails", [None, 2], ids=["whole", "fails"])
def test_an_error_meanwhile(
    make_trainer: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[BaseException],
    fails: int | None,
) -> None:
    thread, saves = Thread(monkeypatch, 2, fails=fails), Saves()
    trainer = make_trainer(callbacks=[saves, At(3, _raised(error, thread))], **ON)
    with caplog.at_level(logging.ERROR, "trainspec"), pytest.raises(error):
        trainer.train()
    said = [entry.getMessage() for entry in caplog.records]
    found = [found.step for found in list_checkpoints(open_store(tmp_path / "out"))]
    if fails:
        # After a save that failed there is no other.
        assert (found, saves.heard) == ([], [])
        assert len(said) == 2 and said[0].startswith("checkpoint-2 could not be saved: StorageError")
        assert "and there is no checkpoint" in said[1]
        return
    assert found == [2, 3]
    assert saves.heard == [(2, 3, True)]
    (told,) = said
    assert "after update 3" in told and "it is saved in" in told and "checkpoint-3;" in told


def test_a_run_goes_on_from_it_as_if_it_had_never_stopped(make_trainer: Make, tmp_path: Path) -> None:
    def job(out: str, **more: Any) -> Any:
        return make_trainer(model=Line(dropout=0.5), output_dir=str(tmp_path / out), **{**ON, **more})

    whole = job("whole")
    whole.train()
    for step in (2, 4):
        again = job("again")
        again.train(resume_from_checkpoint=str(tmp_path / "whole" / f"checkpoint-{step}"))
        assert all(torch.equal(value, weights(whole)[name]) for name, value in weights(again).items())
        last = [contents(tmp_path / out / "checkpoint-6") for out in ("whole", "again")]
        assert last[0].keys() == last[1].keys()
        differing = {name for name in last[0] if last[0][name] != last[1][name]}
        assert differing <= {"trainspec_state.json"}


class Scripted(Line):
    """Its evaluation losses are told beforehand."""

    def __init__(self, *losses: float) -> None:
        super().__init__()
        self.losses = list(losses)

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> Any:
        returned = super().forward(inputs, labels, number)
        return returned if self.training else {**returned, "loss": torch.tensor(self.losses.pop(0))}


@pytest.mark.parametrize("limit", [1, 2])
def test_the_best_and_what_stays_are_those_of_a_run_that_waits(make_trainer: Make, tmp_path: Path, limit: int) -> None:
    evaluated = {"eval_strategy": "steps", "eval_steps": 1, "per_device_eval_batch_size": 10}
    kept = {"load_best_model_at_end": True, "save_total_limit": limit, "save_steps": 1}
    losses = (4.0, 2.0, 3.0, 1.0, 5.0, 6.0)
    ends = []
    for run in (RUN, ON):
        out = str(tmp_path / str(len(ends)))
        trainer = make_trainer(model=Scripted(*losses), output_dir=out, **{**run, **evaluated, **kept})
        trainer.train()
        steps = [found.step for found in list_checkpoints(open_store(trainer.args.output_dir))]
        named = trainer.state.best_model_checkpoint
        assert named is not None
        ends.append((steps, open_checkpoint(named).step, {k: v.tolist() for k, v in weights(trainer).items()}))
    assert ends[0] == ends[1]
    assert ends[1][:2] == ([4, 6], 4)


def test_what_was_saved_before_its_evaluation_is_waited_for_to_be_the_best(
    make_trainer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = Thread(monkeypatch, 2)
    # Saved at the end of an epoch by a callback, in the middle of the moments of that update.
    saved = At(2, lambda: trainer._save_checkpoint(trainer.model, None))
    soon = At(2, lambda: threading.Timer(0.3, thread.go.set).start())
    trainer = make_trainer(
        model=Scripted(1.0, 2.0, 3.0),
        callbacks=[saved, soon],
        eval_strategy="steps",
        eval_steps=2,
        per_device_eval_batch_size=10,
        metric_for_best_model="loss",
        **{**ON, "save_steps": 100, "max_steps": 4},
    )
    trainer.train()
    assert trainer.state.best_model_checkpoint == str(tmp_path / "out" / "checkpoint-2")
    ended()
