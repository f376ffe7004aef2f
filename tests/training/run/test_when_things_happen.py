"""Logging and evaluation happen when the settings say, and say what happened."""

import logging
import math
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, entries
from torch import Tensor, nn


def _steps(trainer: Any, key: str) -> list[int]:
    return [entry["step"] for entry in entries(trainer, key)]


@pytest.mark.parametrize(
    "settings, expected",
    [
        pytest.param({"logging_steps": 2}, [2, 4, 6, 8, 10, 12], id="count"),
        pytest.param({"logging_steps": 0.25}, [3, 6, 9, 12], id="fraction"),
        pytest.param({"logging_steps": 5, "logging_first_step": True}, [1, 5, 10], id="first"),
        pytest.param({"logging_strategy": "epoch"}, [6, 12], id="epoch"),
        pytest.param({"logging_strategy": "no"}, [], id="no"),
    ],
)
def test_logging_strategy_logging_steps_logging_first_step(
    make_trainer: Make, settings: dict[str, Any], expected: list[int]
) -> None:
    trainer = make_trainer(num_train_epochs=2, **settings)
    trainer.train()
    assert _steps(trainer, "loss") == expected
    assert _steps(trainer, "train_loss") == [12]
    for entry in entries(trainer, "loss"):
        assert entry.keys() == {"loss", "grad_norm", "learning_rate", "epoch", "step"}
        assert entry["epoch"] == pytest.approx(entry["step"] / 6)


@pytest.mark.parametrize(
    "settings, expected",
    [
        pytest.param({"eval_strategy": "steps", "eval_steps": 4}, [4, 8, 12], id="steps"),
        pytest.param({"eval_strategy": "steps", "logging_steps": 5}, [5, 10], id="steps-from-logging"),
        pytest.param({"eval_strategy": "epoch"}, [6, 12], id="epoch"),
        pytest.param({"eval_strategy": "no"}, [], id="no"),
        pytest.param({"eval_on_start": True}, [0], id="on-start"),
        pytest.param({"eval_strategy": "steps", "eval_steps": 4, "eval_delay": 8}, [8, 12], id="delay-in-steps"),
        pytest.param({"eval_strategy": "epoch", "eval_delay": 1.5}, [12], id="delay-in-epochs"),
    ],
)
def test_eval_strategy_eval_steps_eval_delay_eval_on_start(
    make_trainer: Make, settings: dict[str, Any], expected: list[int]
) -> None:
    trainer = make_trainer(num_train_epochs=2, **settings)
    trainer.train()
    assert _steps(trainer, "eval_loss") == expected


def test_the_logged_loss_is_the_mean_over_the_interval(make_trainer: Make) -> None:
    each = make_trainer(logging_steps=1)
    each.train()
    losses = [entry["loss"] for entry in entries(each, "loss")]
    some = make_trainer(logging_steps=4)
    some.train()
    assert [entry["loss"] for entry in entries(some, "loss")] == pytest.approx([sum(losses[:4]) / 4])
    assert entries(some, "train_loss")[0]["train_loss"] == pytest.approx(sum(losses) / 6)


class Spoilt(Line):
    """Its loss is nan in the third forward."""

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> dict[str, Tensor]:
        returned = super().forward(inputs, labels, number)
        if len(self.seen) == 3:
            returned["loss"] = returned["loss"].detach() * math.nan + 0 * returned["loss"]
        return returned


@pytest.mark.parametrize("filtered", [True, False])
def test_logging_nan_inf_filter(make_trainer: Make, filtered: bool) -> None:
    # Learning rate 0: what the nan does to the weights is not the matter here, only what is logged.
    usual = {"learning_rate": 0.0, "logging_steps": 6, "logging_nan_inf_filter": filtered, "max_grad_norm": 0}
    usual["stop_on_nonfinite"] = False
    clean, spoilt = make_trainer(**usual), make_trainer(model=Spoilt(), **usual)
    each = make_trainer(**{**usual, "logging_steps": 1})
    each.train()
    clean.train()
    spoilt.train()
    losses = [entry["loss"] for entry in entries(each, "loss")]
    logged = entries(spoilt, "loss")[0]["loss"]
    if filtered:
        assert logged == pytest.approx((sum(losses) - losses[2]) / 5)
    else:
        assert math.isnan(logged)
    assert entries(clean, "loss")[0]["loss"] == pytest.approx(sum(losses) / 6)


class Countdown(nn.Module):
    """A loss that no gradient changes: 4, 3, 2, 1, ..."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.calls = 0

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor:
        self.calls += 1
        return self.weight * 0 + (5 - self.calls)


def test_no_number_is_taken_from_the_device_unless_it_is_logged(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    def counted(name: str) -> Any:
        real = getattr(Tensor, name)

        def call(self: Tensor, *args: Any) -> Any:
            # Batches are on the host before they move: what is read of them costs no wait.
            if self.is_floating_point():
                taken.append(name)
            return real(self, *args)

        return call

    trainer = make_trainer(model=Countdown(), logging_strategy="no", max_steps=24)
    for name in ("item", "__bool__", "__float__", "tolist"):
        monkeypatch.setattr(Tensor, name, counted(name))
    trainer.train()
    in_24_updates = len(taken)
    taken.clear()
    longer = make_trainer(model=Countdown(), logging_strategy="no", max_steps=48)
    longer.train()
    assert 0 < len(taken) == in_24_updates, "the closing entry takes some; no update does"


@pytest.mark.parametrize("level, shown", [("info", True), ("warning", False)])
def test_log_level(make_trainer: Make, capsys: pytest.CaptureFixture[str], level: str, shown: bool) -> None:
    logger = logging.getLogger("trainspec")
    before = logger.level
    try:
        make_trainer(log_level=level, logging_steps=3).train()
        assert ("step 3/6" in capsys.readouterr().err) == shown
    finally:
        logger.setLevel(before)


def test_log_level_passive_leaves_the_logger_alone(make_trainer: Make) -> None:
    logger = logging.getLogger("trainspec")
    logger.setLevel(35)
    try:
        make_trainer()
        assert logger.level == 35
    finally:
        logger.setLevel(logging.NOTSET)


@pytest.mark.parametrize(
    "terminal, setting, level, shown",
    [
        (True, None, "warning", True),
        (False, None, "warning", False),
        (True, True, "warning", False),
        (False, False, "warning", True),
        (True, None, "error", False),
    ],
)
def test_disable_tqdm(
    make_trainer: Make,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    terminal: bool,
    setting: bool | None,
    level: str,
    shown: bool,
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    logger = logging.getLogger("trainspec")
    try:
        make_trainer(disable_tqdm=setting, log_level=level, logging_steps=2, train_dataset=Rows(8)).train()
        drawn = capsys.readouterr().err
        assert ("2/2" in drawn and "loss=" in drawn) == shown
    finally:
        logger.setLevel(logging.NOTSET)
