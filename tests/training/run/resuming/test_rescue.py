"""Promise: whatever breaks a run off, its last update is saved and goes on bit for bit, or it is said what there is."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.run.test_resume import _history
from tests.training.small_job import Line, Make, Rows, weights

from trainspec.storage import StorageError, open_store
from trainspec.storage.local import LocalStore
from trainspec.training.callbacks import EVENTS, EarlyStoppingCallback, TrainerCallback
from trainspec.training.checkpoint import list_checkpoints, newest_valid
from trainspec.training.trainer import Trainer

RUN: dict[str, Any] = {
    "num_train_epochs": 3,
    "gradient_accumulation_steps": 2,
    "logging_steps": 1,
    "eval_strategy": "steps",
    "eval_steps": 2,
    "save_strategy": "steps",
    "save_steps": 100,
    "metric_for_best_model": "loss",
    "lr_scheduler_type": "cosine",
    "weight_decay": 0.1,
}
AT = 4


class Broken(Exception):
    pass


class Breaks(TrainerCallback):
    """Raises once, at one moment of one update."""

    def __init__(self, event: str, step: int = AT, error: type[BaseException] = Broken) -> None:
        self.step, self.error = step, error
        setattr(self, event, self.act)

    def act(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            raise self.error("at the moment that was asked for")


def _run(make_trainer: Make, **changes: Any) -> Trainer:
    known = {"train_dataset": Rows(24, torch.float64), "eval_dataset": Rows(10, torch.float64), **RUN, **changes}
    known = {name: value for name, value in known.items() if value is not None}
    return make_trainer(**{"model": Line(torch.float64), **known})


def _same(whole: Trainer, resumed: Trainer) -> None:
    assert all(torch.equal(value, weights(whole)[name]) for name, value in weights(resumed).items())
    assert _history(resumed) == _history(whole)
    assert (resumed.state.best_metric, resumed.state.best_global_step) == (
        whole.state.best_metric,
        whole.state.best_global_step,
    )


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


IN_TRAINING = [name for name in EVENTS if name not in ("on_init_end", "on_predict", "on_push_begin", "on_train_begin")]


@pytest.mark.parametrize("event", IN_TRAINING)
@pytest.mark.parametrize("error", [Broken, KeyboardInterrupt, SystemExit])
def test_a_callback_that_raises_at_any_moment(
    make_trainer: Make, tmp_path: Path, event: str, error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    saves = {"save_steps": AT} if event == "on_save" else {}
    whole = _run(make_trainer, output_dir=str(tmp_path / "whole"), **saves)
    whole.train()
    # The ends of an epoch and of the run are no fourth update.
    step = {"on_epoch_end": 3, "on_epoch_begin": 3, "on_train_end": 9}.get(event, AT)
    broken = _run(make_trainer, callbacks=[Breaks(event, step, error)], **saves)
    with pytest.raises(error):
        broken.train()
    # An update whose gradients the optimizer has used is done.
    done = AT + 1 if event == "on_optimizer_step" else step
    found = newest_valid(open_store(tmp_path / "out"))
    assert found is not None and found.step == done
    (told,) = _said(caplog)
    assert f"after update {done} " in told and found.url in told
    resumed = _run(make_trainer, **saves)
    resumed.train(resume_from_checkpoint=True)
    _same(whole, resumed)


@pytest.mark.parametrize("place", ["compute_metrics", "forward", "rows", "evaluate"])
def test_what_a_run_is_given_raises(make_trainer: Make, tmp_path: Path, place: str) -> None:
    fails = True

    class Net(Line):
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            if fails and place == "forward" and self.training and len(self.seen) == 2 * AT:
                raise Broken
            return super().forward(*args, **kwargs)

    class Data(Rows):
        def __getitem__(self, index: int) -> Any:
            if fails and place == "rows" and len(self.touched) == 8 * AT + 3:
                raise Broken
            return super().__getitem__(index)

    class Evaluates(Trainer):
        def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
            found = super().evaluate(*args, **kwargs)
            if fails and place == "evaluate" and self.state.global_step == AT:
                raise Broken
            return found

    def metrics(prediction: Any) -> dict[str, float]:
        if fails and place == "compute_metrics" and trainer.state.global_step == AT:
            raise Broken
        return {}

    def job(**changes: Any) -> Trainer:
        known = {"model": Net(torch.float64), "train_dataset": Data(24, torch.float64), "kind": Evaluates}
        return _run(make_trainer, compute_metrics=metrics, **known, **changes)

    trainer = job()
    with pytest.raises(Broken):
        trainer.train()
    fails = False
    resumed = job()
    resumed.train(resume_from_checkpoint=True)
    trainer = whole = job(output_dir=str(tmp_path / "whole"))
    whole.train()
    _same(whole, resumed)


def test_an_evaluation_that_broke_off_counts_once_for_early_stopping(make_trainer: Make, tmp_path: Path) -> None:
    settings = {"learning_rate": 0.0, "num_train_epochs": 5}
    whole = _run(make_trainer, callbacks=[EarlyStoppingCallback(3)], output_dir=str(tmp_path / "whole"), **settings)
    whole.train()
    broken = _run(make_trainer, callbacks=[EarlyStoppingCallback(3), Breaks("on_evaluate", 4)], **settings)
    with pytest.raises(Broken):
        broken.train()
    resumed = _run(make_trainer, callbacks=[EarlyStoppingCallback(3)], **settings)
    resumed.train(resume_from_checkpoint=True)
    assert resumed.state.global_step == whole.state.global_step == 8
    _same(whole, resumed)


def test_a_plateau_schedule_hears_of_the_evaluation_that_broke_off(make_trainer: Make, tmp_path: Path) -> None:
    plateau = {"lr_scheduler_type": "reduce_lr_on_plateau", "lr_scheduler_kwargs": {"patience": 0, "threshold": 0.9}}
    whole = _run(make_trainer, output_dir=str(tmp_path / "whole"), **plateau)
    whole.train()
    broken = _run(make_trainer, callbacks=[Breaks("on_evaluate", 4)], **plateau)
    with pytest.raises(Broken):
        broken.train()
    resumed = _run(make_trainer, **plateau)
    resumed.train(resume_from_checkpoint=True)
    assert whole.lr_scheduler.last_epoch == 4 and whole.get_learning_rates()[0] < 0.01
    _same(whole, resumed)


def test_the_evaluation_that_is_made_up_for_names_the_best(make_trainer: Make, tmp_path: Path) -> None:
    best = {"save_steps": 2, "load_best_model_at_end": True, "greater_is_better": True}
    with pytest.raises(Broken):
        _run(make_trainer, callbacks=[Breaks("on_evaluate", 2)], **best).train()
    resumed = _run(make_trainer, **best)
    resumed.train(resume_from_checkpoint=True)
    # The loss only falls, so that the first one is the greatest.
    assert resumed.state.best_model_checkpoint == str(tmp_path / "out" / "checkpoint-2")


def test_a_save_that_fails_is_not_tried_again(
    make_trainer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = []
    real = LocalStore.write

    def write(store: LocalStore, name: str, writer: Any) -> Any:
        if "checkpoint-4" in store.url:
            tried.append(name)
            raise StorageError(store.url, "write", "no space is left there")
        return real(store, name, writer)

    monkeypatch.setattr(LocalStore, "write", write)
    with pytest.raises(StorageError):
        _run(make_trainer, save_steps=2, save_failures_allowed=0).train()
    assert len(tried) == 1
    (told,) = _said(caplog)
    assert "after update 4 " in told and f"{tmp_path / 'out' / 'checkpoint-2'}, of update 2;" in told


def test_a_store_that_is_down_takes_nothing_more_than_it_has(
    make_trainer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write(store: LocalStore, name: str, writer: Any) -> Any:
        raise StorageError(store.url, "write", "it cannot be reached")

    monkeypatch.setattr(LocalStore, "write", write)
    with pytest.raises(Broken):
        _run(make_trainer, callbacks=[Breaks("on_step_end")]).train()
    could_not, told = _said(caplog)
    assert "cannot be reached" in could_not and "there is no checkpoint" in told


@pytest.mark.parametrize("where", ["before-any-update", "no-saves", "not-finite"])
def test_nothing_is_saved_where_there_is_nothing_to_save(
    make_trainer: Make, tmp_path: Path, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    rows = Rows(24, torch.float64)
    changes: dict[str, Any] = {"callbacks": [Breaks("on_step_end")], "save_strategy": "no", "save_steps": None}
    if where == "before-any-update":
        changes = {"callbacks": [Breaks("on_step_begin", 0)]}
    if where == "not-finite":
        rows.targets[:] = torch.inf
        changes = {"stop_on_nonfinite": True}
    with pytest.raises((Broken, ArithmeticError)):
        _run(make_trainer, train_dataset=rows, **changes).train()
    assert list_checkpoints(open_store(tmp_path / "out")) == []
    told = _said(caplog)
    assert len(told) == (where != "before-any-update")
    assert all("there is no checkpoint" in entry for entry in told)


def test_a_best_model_that_cannot_be_loaded_leaves_the_last_one(
    make_trainer: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The layer was made larger after the best evaluation: not one of its weights may change."""

    class Grows(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
            if state.global_step == 9:
                torch.manual_seed(1)
                model.first = torch.nn.Linear(2, 2)
                model.layer = torch.nn.Linear(5, 1)

    best = {"save_steps": 2, "load_best_model_at_end": True, "eval_steps": 2}
    trainer = _run(make_trainer, callbacks=[Grows()], **best)
    trainer.train()
    torch.manual_seed(1)
    torch.nn.Linear(2, 2)
    assert torch.equal(trainer.model.layer.weight, torch.nn.Linear(5, 1).weight)
    assert "the best model is not loaded, the last one stays" in caplog.text
