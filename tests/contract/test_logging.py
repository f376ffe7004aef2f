"""What each logging setting does, seen in the entries of a run and on the terminal."""

import logging
import math
import os
import sys
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, entries
from torch import Tensor

from trainspec import NotebookProgressCallback, PrinterCallback


def _logged_at(trainer: Any) -> list[int]:
    return [entry["step"] for entry in entries(trainer, "loss")]


@pytest.mark.parametrize("strategy, steps", [("no", []), ("steps", [4, 8, 12]), ("epoch", [6, 12])])
def test_logging_strategy_says_when_there_is_an_entry(make_trainer: Make, strategy: str, steps: list[int]) -> None:
    interval = {"logging_steps": 4} if strategy == "steps" else {}
    trainer = make_trainer(num_train_epochs=2, logging_strategy=strategy, **interval)
    trainer.train()
    assert _logged_at(trainer) == steps


@pytest.mark.parametrize("interval, steps", [(5, [5, 10]), (1, list(range(1, 13))), (0.5, [6, 12]), (0.51, [7])])
def test_logging_steps_are_the_updates_between_entries(make_trainer: Make, interval: float, steps: list[int]) -> None:
    each = make_trainer(num_train_epochs=2, logging_steps=1)
    trainer = make_trainer(num_train_epochs=2, logging_steps=interval)
    each.train()
    trainer.train()
    assert _logged_at(trainer) == steps
    losses = [entry["loss"] for entry in entries(each, "loss")]
    for entry, start, end in zip(entries(trainer, "loss"), [0, *steps], steps, strict=False):
        assert entry["loss"] == pytest.approx(sum(losses[start:end]) / (end - start), rel=1e-6), "the interval's mean"


@pytest.mark.parametrize("first", [True, False])
def test_logging_first_step_adds_the_first(make_trainer: Make, first: bool) -> None:
    trainer = make_trainer(logging_steps=4, logging_first_step=first)
    trainer.train()
    assert _logged_at(trainer) == ([1, 4] if first else [4])


class Spoilt(Line):
    """Its third loss is nan."""

    calls = 0

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> Any:
        returned = super().forward(inputs, labels, number)
        self.calls += 1
        return {**returned, "loss": returned["loss"] * torch.nan} if self.calls == 3 else returned


@pytest.mark.parametrize("filtered", [True, False])
def test_logging_nan_inf_filter_leaves_them_out_of_the_mean(make_trainer: Make, filtered: bool) -> None:
    trainer = make_trainer(
        model=Spoilt(),
        learning_rate=0.0,
        max_grad_norm=0,
        logging_steps=6,
        logging_nan_inf_filter=filtered,
        stop_on_nonfinite=False,
    )
    trainer.train()
    assert math.isnan(entries(trainer, "loss")[0]["loss"]) != filtered
    assert math.isnan(entries(trainer, "train_loss")[0]["train_loss"]) != filtered


@pytest.mark.parametrize(
    "level, shown", [("debug", True), ("info", True), ("warning", False), ("critical", False), ("passive", True)]
)
def test_log_level_is_what_the_package_says(
    make_trainer: Make, capsys: pytest.CaptureFixture[str], level: str, shown: bool
) -> None:
    logger = logging.getLogger("trainspec")
    before = logger.level
    try:
        logger.setLevel("ERROR")
        make_trainer(log_level=level, logging_steps=2).train()
        expected = logging.ERROR if level == "passive" else logging.getLevelName(level.upper())
        assert logger.level == expected
        assert ("step 2/6" in capsys.readouterr().err) == shown
    finally:
        logger.setLevel(before)


@pytest.mark.parametrize(
    "terminal, off, bar", [(True, None, True), (False, None, False), (True, True, False), (False, False, True)]
)
def test_disable_tqdm_hides_the_bar(
    make_trainer: Make,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    terminal: bool,
    off: bool | None,
    bar: bool,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    make_trainer(disable_tqdm=off, logging_steps=2, eval_strategy="epoch").train()
    told = capsys.readouterr().err
    assert ("training: 100%" in told and "evaluation:" in told) == bar
    assert "loss=" in told if bar else "loss=" not in told
    assert "eval_loss" in told, "evaluations are told either way"


def test_disable_tqdm_false_shows_the_bar_in_a_terminal_without_a_width(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "fileno", lambda: 2)
    monkeypatch.setattr(os, "get_terminal_size", lambda fd: os.terminal_size((0, 0)))
    make_trainer(disable_tqdm=False).train()
    assert "training: 100%" in capsys.readouterr().err


@pytest.mark.parametrize("off, shown", [(None, NotebookProgressCallback), (True, PrinterCallback)])
def test_disable_tqdm_hides_bars_and_table_of_a_notebook(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch, off: bool | None, shown: type
) -> None:
    for place in ("callbacks.progress", "trainer.trainer"):
        monkeypatch.setattr(f"trainspec.training.{place}.in_kernel", lambda: True)
    assert type(make_trainer(disable_tqdm=off).callback_handler.callbacks[-1]) is shown
