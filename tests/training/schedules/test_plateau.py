"""Promise: a schedule that follows a metric hears of every evaluation, or it is said before training that it cannot."""

from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from trainspec.training.errors import UnknownMetricError
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.schedules import follows_metric
from trainspec.training.trainer import Trainer

EACH_EPOCH = {"num_train_epochs": 4, "eval_strategy": "epoch"}
FALLS = {"patience": 0, "threshold": 9.0, "threshold_mode": "abs"}


class Noting(ReduceLROnPlateau):
    """A subclass that writes down what it hears."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.heard: list[float] = []
        super().__init__(*args, **kwargs)

    def step(self, metrics: Any, epoch: Any = None) -> None:
        self.heard.append(float(metrics))
        super().step(metrics)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict()


class OwnKind:
    """Nobody's subclass: its step cannot do without a value."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer, self.heard = optimizer, []

    def step(self, value: float) -> None:
        self.heard.append(value)

    def state_dict(self) -> dict[str, Any]:
        return {"heard": self.heard}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.heard = state["heard"]

    def get_last_lr(self) -> list[float]:
        return [0.1]


def _job(make_trainer: Make, kind: Any = Noting, optimizer: Any = None, **changes: Any) -> tuple[Trainer, Any]:
    model = Line()
    optimizer = SGD(model.parameters(), lr=0.01)
    schedule = kind(optimizer)
    return make_trainer(model=model, optimizers=(optimizer, schedule), **{**EACH_EPOCH, **changes}), schedule


def _losses(trainer: Trainer) -> list[float]:
    return [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]


@pytest.mark.parametrize("kind", [Noting, OwnKind], ids=["subclass", "own"])
@pytest.mark.parametrize("every", [1, 2, 3])
def test_every_evaluation_is_heard_without_a_metric_being_named(make_trainer: Make, kind: Any, every: int) -> None:
    steps = {"eval_strategy": "steps", "eval_steps": every, "num_train_epochs": 1}
    trainer, schedule = _job(make_trainer, kind, **steps)
    trainer.train()
    assert schedule.heard == _losses(trainer)
    assert len(schedule.heard) == 6 // every


def test_the_rate_falls_as_a_plain_loop_has_it(make_trainer: Make) -> None:
    given, schedule = _job(make_trainer, lambda optimizer: ReduceLROnPlateau(optimizer, **FALLS))
    given.train()
    named = make_trainer(optim="sgd", lr_scheduler_type="reduce_lr_on_plateau", lr_scheduler_kwargs=FALLS, **EACH_EPOCH)
    named.train()
    expected = ReduceLROnPlateau(SGD([torch.zeros(1, requires_grad=True)], lr=0.01), **FALLS)
    for loss in _losses(given):
        expected.step(loss)
    assert given.get_learning_rates() == expected.get_last_lr() == [pytest.approx(0.01 * 0.1**3)]
    assert named.get_learning_rates()[0] == given.get_learning_rates()[0]
    assert schedule.last_epoch == 4


def test_the_metric_of_the_best_model_is_what_it_follows(make_trainer: Make) -> None:
    scores = iter([9.0, 1.0, 2.0, 3.0, 4.0])
    trainer, schedule = _job(
        make_trainer, compute_metrics=lambda prediction: {"score": next(scores)}, metric_for_best_model="score"
    )
    schedule.mode = "max"
    trainer.train()
    assert schedule.heard == [1.0, 2.0, 3.0, 4.0]


def test_the_evaluation_before_training_counts_for_nothing(make_trainer: Make) -> None:
    trainer, schedule = _job(make_trainer, eval_on_start=True)
    trainer.train()
    assert schedule.heard == _losses(trainer)[1:]


def test_an_evaluation_without_the_metric_stops_the_run(make_trainer: Make) -> None:
    class Silent(Trainer):
        def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
            return {"eval_other": 1.0}

    trainer, _ = _job(make_trainer)
    silent = make_trainer(kind=Silent, model=trainer.model, optimizers=trainer.given, **EACH_EPOCH)
    with pytest.raises(UnknownMetricError, match="eval_loss, but evaluation returned eval_other"):
        silent.train()


def test_without_evaluation_it_is_told(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    trainer, schedule = _job(make_trainer, eval_strategy="no")
    trainer.train()
    assert schedule.heard == [] and "RUN234" in caplog.text


@pytest.mark.parametrize("named", [True, False], ids=["by-name", "given"])
def test_several_evaluation_sets_need_a_choice(make_trainer: Make, named: bool) -> None:
    sets = {"eval_dataset": {"a": [{"inputs": torch.ones(4), "labels": torch.ones(1)}], "b": [{}]}}
    job = (
        make_trainer(lr_scheduler_type="reduce_lr_on_plateau", **EACH_EPOCH, **sets)
        if named
        else _job(make_trainer, **sets)[0]
    )
    with pytest.raises(PreflightError, match="eval_a_loss, eval_b_loss"):
        job.train()
    sets["eval_dataset"]["b"] = sets["eval_dataset"]["a"]
    trainer, schedule = _job(make_trainer, metric_for_best_model="b_loss", **sets)
    trainer.train()
    assert len(schedule.heard) == 4


class Around(LambdaLR):
    def __init__(self, optimizer: Any) -> None:
        self.after = ReduceLROnPlateau(optimizer)
        super().__init__(optimizer, lambda step: 1.0)


def test_one_inside_of_another_is_told_of(make_trainer: Make) -> None:
    trainer, _ = _job(make_trainer, Around)
    assert "RUN236" in [item.code for item in trainer.preflight()]


@pytest.mark.parametrize("mode, greater, told", [("min", True, True), ("max", False, True), ("min", False, False)])
def test_a_direction_that_is_not_the_metrics_is_told_of(
    make_trainer: Make, mode: Any, greater: bool, told: bool
) -> None:
    trainer, _ = _job(
        make_trainer,
        lambda optimizer: ReduceLROnPlateau(optimizer, mode=mode),
        metric_for_best_model="loss",
        greater_is_better=greater,
    )
    assert ("RUN237" in [item.code for item in trainer.preflight()]) == told


@pytest.mark.parametrize("override", ["create_scheduler", "create_optimizer_and_scheduler"])
def test_one_that_an_override_makes_is_stepped_and_looked_at(
    make_trainer: Make, override: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Makes(Trainer):
        pass

    def make(self: Trainer, *args: Any, **kwargs: Any) -> Any:
        self.create_optimizer()
        self.lr_scheduler = Noting(self.optimizer)
        return self.lr_scheduler

    setattr(Makes, override, make)
    trainer = make_trainer(kind=Makes, **EACH_EPOCH)
    trainer.train()
    assert trainer.lr_scheduler.heard == _losses(trainer) and "RUN23" not in caplog.text
    make_trainer(kind=Makes).train()
    assert "RUN234" in caplog.text


def test_what_follows_updates_does_not_follow_a_metric() -> None:
    class OldStyle:
        def step(self, epoch: int) -> None: ...

    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    assert not follows_metric(LambdaLR(optimizer, lambda step: 1.0))
    assert not follows_metric(OldStyle()) and not follows_metric(None)


def test_it_goes_on_bit_for_bit_after_a_resume(make_trainer: Make, tmp_path: Any) -> None:
    def job(**changes: Any) -> Trainer:
        return _job(make_trainer, lambda optimizer: ReduceLROnPlateau(optimizer, **FALLS), **changes)[0]

    whole = job(output_dir=str(tmp_path / "whole"))
    whole.train()
    job(save_strategy="epoch").train()
    resumed = job()
    resumed.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-12"))
    assert torch.equal(resumed.model.layer.weight, whole.model.layer.weight)
    assert resumed.lr_scheduler.state_dict() == whole.lr_scheduler.state_dict()
