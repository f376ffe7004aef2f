"""What a run found out holds afterwards too: which checkpoint is the best, wherever it lies, and which batch fits."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, weights

from trainspec import TrainerCallback
from trainspec.training.checkpoint import open_checkpoint
from trainspec.training.checkpoint.contents import load_model_state
from trainspec.training.trainer import Trainer

BEST = {
    "num_train_epochs": 4,
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "load_best_model_at_end": True,
    "metric_for_best_model": "acc",
    "greater_is_better": True,
}


def _told(*scores: float, looks: bool = True) -> Callable[[Any], dict[str, float]]:
    """Scores told beforehand; where the best is wanted, the first call only looks whether the metric is there."""
    left = iter([0.0, *scores] if looks else scores)
    return lambda prediction: {"acc": next(left)}


class StopsAt(TrainerCallback):
    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_training_stop = state.epoch == self.epoch


@pytest.mark.parametrize("move", [Path.rename, shutil.copytree], ids=["renamed", "mounted twice"])
def test_the_best_is_the_one_in_the_output_dir_of_today(
    make_trainer: Make, tmp_path: Path, move: Callable[[Path, Path], Any]
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    settings: dict[str, Any] = {**BEST, "per_device_eval_batch_size": 10}
    first = make_trainer(output_dir=str(old), compute_metrics=_told(0.5, 0.9), callbacks=[StopsAt(2)], **settings)
    first.train()
    move(old, new)
    if old.exists():
        # Weights of the old place would be found by their values.
        for path in old.glob("checkpoint-*/model.safetensors"):
            path.write_bytes(b"")
    resumed = make_trainer(output_dir=str(new), compute_metrics=_told(0.4, 0.3), **settings)
    resumed.train(resume_from_checkpoint=True)
    best = new / f"checkpoint-{first.state.best_global_step}"
    assert resumed.state.best_metric == 0.9 and resumed.state.best_model_checkpoint == str(best)
    saved, last = (load_model_state(open_checkpoint(path)) for path in (best, new / "checkpoint-24"))
    assert all(torch.equal(value, saved[name]) for name, value in weights(resumed).items())
    assert not all(torch.equal(value, saved[name]) for name, value in last.items())


@pytest.mark.parametrize("save_steps", [1, 2, 3, 6])
def test_an_evaluation_after_the_save_of_its_step_names_that_checkpoint(
    make_trainer: Make, tmp_path: Path, save_steps: int
) -> None:
    settings = {**BEST, "load_best_model_at_end": False, "save_strategy": "steps", "num_train_epochs": 2}
    trainer = make_trainer(
        compute_metrics=_told(0.9, 0.5, looks=False), save_steps=save_steps, per_device_eval_batch_size=10, **settings
    )
    trainer.train()
    assert trainer.state.best_global_step == 6
    assert trainer.state.best_model_checkpoint == str(tmp_path / "out" / "checkpoint-6")


@pytest.mark.parametrize(("limit", "left"), [(1, {1, 6}), (2, {1, 6}), (3, {1, 5, 6})])
@pytest.mark.parametrize("loads", [False, True])
def test_the_best_is_never_deleted(make_trainer: Make, tmp_path: Path, limit: int, left: set[int], loads: bool) -> None:
    each = {**BEST, "eval_strategy": "steps", "eval_steps": 1, "save_strategy": "steps", "save_steps": 1}
    settings = {**each, "load_best_model_at_end": loads, "max_steps": 6, "per_device_eval_batch_size": 10}
    del settings["num_train_epochs"]
    trainer = make_trainer(
        compute_metrics=_told(0.9, 0.8, 0.7, 0.6, 0.5, 0.4, looks=loads), save_total_limit=limit, **settings
    )
    trainer.train()
    steps = {int(path.name.split("-")[1]) for path in (tmp_path / "out").glob("checkpoint-*")}
    assert steps == left and trainer.state.best_model_checkpoint == str(tmp_path / "out" / "checkpoint-1")
    open_checkpoint(trainer.state.best_model_checkpoint).verify()


class Full(TrainerCallback):
    """The memory is full with batches of more rows than these."""

    def __init__(self, most: int) -> None:
        self.most = most

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.train_batch_size > self.most:
            raise RuntimeError("CUDA out of memory.")


def _seen(trainer: Trainer) -> Any:
    return trainer.model.seen


@pytest.mark.parametrize(("most", "found"), [(4, 4), (2, 2), (8, 8), (100, 16)])
def test_auto_find_batch_size_goes_on_with_the_size_that_was_found(make_trainer: Make, most: int, found: int) -> None:
    rows = Rows(64)
    usual: dict[str, Any] = {"per_device_train_batch_size": 16, "auto_find_batch_size": True, "train_dataset": rows}
    first = make_trainer(max_steps=2, save_steps=2, save_strategy="steps", callbacks=[Full(most)], **usual)
    first.train()
    assert first.state.train_batch_size == found
    resumed = make_trainer(model=Line(), max_steps=3, save_steps=2, save_strategy="steps", **usual)
    resumed.train(resume_from_checkpoint=True)
    assert [len(batch) for batch in _seen(resumed)] == [found] and resumed.state.train_batch_size == found
    numbers = [number for trainer in (first, resumed) for batch in _seen(trainer)[-2:] for number in batch]
    assert len(set(numbers)) == len(numbers), "the rows go on where they were"
