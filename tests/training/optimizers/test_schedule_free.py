"""Schedule-free optimizers: other weights for evaluation, the same for training, and a warm-up of their own."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.optimizers.toy import Network, loss_of, same, settings, started, train, weights
from tests.training.run.test_resume import Plug, PulledPlug
from tests.training.small_job import Make, Rows

from trainspec import TrainerCallback
from trainspec.training.optimizers import build_optimizer
from trainspec.training.optimizers.behaviour import (
    announce_length,
    evaluating,
    evaluation_mode,
    learning_rate,
    saving,
)

NAMES = ["schedule_free_adamw", "schedule_free_sgd", "schedule_free_radam"]
FLAT = {"lr_scheduler_type": "constant", "learning_rate": 0.05}
pytestmark = pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")


class Terminates(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step - 1:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("optim", NAMES)
def test_evaluation_sees_the_average_and_leaves_training_as_it_was(optim: str) -> None:
    model, optimizer = started(settings(optim, **FLAT))
    train(model, optimizer, range(10))
    before = weights(model)
    with evaluating(optimizer):
        inside = weights(model)
        with evaluating(optimizer):
            assert same(inside, weights(model))
        assert same(inside, weights(model))
    assert not same(inside, before)
    assert same(before, weights(model))
    train(model, optimizer, range(10, 12))

    plain, its_optimizer = started(settings(optim, **FLAT))
    train(plain, its_optimizer, range(12))
    assert same(weights(plain), weights(model))


def test_training_goes_on_after_an_evaluation_that_failed() -> None:
    model, optimizer = started(settings(NAMES[0], **FLAT))
    train(model, optimizer, range(3))
    before = weights(model)
    for block in (evaluating, saving):
        with pytest.raises(ZeroDivisionError), block(optimizer):
            assert not optimizer.param_groups[0]["train_mode"]
            raise ZeroDivisionError
        assert optimizer.param_groups[0]["train_mode"]
    train(model, optimizer, range(3, 4))
    assert not same(before, weights(model))


@pytest.mark.parametrize("optim", NAMES)
def test_the_end_of_training_leaves_the_average(optim: str) -> None:
    model, optimizer = started(settings(optim, **FLAT))
    train(model, optimizer, range(6))
    with evaluating(optimizer):
        average = weights(model)
    evaluation_mode(optimizer)
    assert same(average, weights(model))
    with evaluating(optimizer), saving(optimizer):
        assert same(average, weights(model))
    with pytest.raises(Exception, match="train mode"):
        train(model, optimizer, range(6, 7))


@pytest.mark.parametrize(
    "schedule, ratio, steps, expected",
    [
        ("constant", 0.0, 0, 0),
        ("constant", 0.0, 4, 4),
        ("constant", 0.25, 0, 3),
        ("reduce_lr_on_plateau", 0.0, 4, 4),
        # These warm up by themselves.
        ("constant_with_warmup", 0.0, 4, 0),
        ("linear", 0.25, 0, 0),
    ],
)
def test_the_optimizer_warms_up_where_the_schedule_does_not(
    schedule: str, ratio: float, steps: int, expected: int
) -> None:
    changes = {"lr_scheduler_type": schedule, "warmup_ratio": ratio, "warmup_steps": steps, "eval_strategy": "epoch"}
    args = settings("schedule_free_sgd", learning_rate=1.0, **changes)
    model, optimizer = started(args)
    assert optimizer.param_groups[0]["warmup_steps"] == (expected if steps else 0), "as far as it is known by then"
    announce_length(optimizer, args, 12)
    rates = []
    for number in range(6):
        rates.append(learning_rate(optimizer))
        train(model, optimizer, range(number, number + 1))
        assert rates[-1] == optimizer.param_groups[0]["scheduled_lr"]
    assert rates == [min(1.0, (number + 1) / expected) if expected else 1.0 for number in range(6)]


def test_a_length_means_nothing_to_others() -> None:
    model = Network()
    for optim in ("sgd", "schedule_free_radam"):
        args = settings(optim, lr_scheduler_type="constant", learning_rate=0.1)
        optimizer = build_optimizer(model, args)
        groups = [dict(group) for group in optimizer.param_groups]
        announce_length(optimizer, args, 10)
        assert groups == optimizer.param_groups


def test_other_optimizers_evaluate_and_save_what_they_train() -> None:
    model, optimizer = started(settings("sgd"))
    for block in (evaluating, saving):
        before = weights(model)
        with block(optimizer), block(None):
            assert same(before, weights(model))
            train(model, optimizer, range(2))
            inside = weights(model)
        assert same(inside, weights(model)) and not same(before, inside)


def test_evaluating_keeps_gradients_that_are_there() -> None:
    model, optimizer = started(settings(NAMES[0], **FLAT))
    train(model, optimizer, range(2))
    loss_of(model, 2).backward()
    gradient = model.head.weight.grad.clone()
    with evaluating(optimizer), torch.no_grad():
        loss_of(model, 3)
    assert torch.equal(gradient, model.head.weight.grad)


@pytest.mark.parametrize("optim", NAMES)
@pytest.mark.parametrize("by", ["an error", "a signal"])
def test_a_run_that_ended_where_no_save_was_due_goes_on_bit_for_bit(
    make_trainer: Make, tmp_path: Path, optim: str, by: str
) -> None:
    """Weights come back from those of evaluation with a rounding that the undisturbed run does not make there."""
    job = {"train_dataset": Rows(20), "num_train_epochs": 3, "save_strategy": "steps", "save_steps": 3}
    job |= {"optim": optim, "learning_rate": 0.05, "lr_scheduler_type": "constant"}
    whole = make_trainer(**job, output_dir=str(tmp_path / "whole"))
    whole.train()
    expected = whole.state.global_step, {name: value.clone() for name, value in whole.model.state_dict().items()}
    for step in (4, 8, 13, 14):
        job["output_dir"] = str(tmp_path / f"cut-{step}")
        ends = Plug(step) if by == "an error" else Terminates(step)
        with pytest.raises((PulledPlug, SystemExit)):
            make_trainer(**job, enable_jit_checkpoint=by == "a signal", callbacks=[ends]).train()
        resumed = make_trainer(**job)
        resumed.train(resume_from_checkpoint="latest")
        assert resumed.state.global_step == expected[0]
        assert same(expected[1], resumed.model.state_dict()), step
