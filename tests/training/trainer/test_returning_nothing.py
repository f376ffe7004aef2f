"""Overrides that forget to return what they got: what can go on does, what cannot is told in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.training.foreign.theirs import Points, Small, settings

from trainspec import TrainingArguments
from trainspec.training.trainer import Trainer


class SilentEvaluation(Trainer):
    def evaluate(self, *args: Any, **known: Any) -> Any:
        super().evaluate(*args, **known)


class SilentStep(Trainer):
    def training_step(self, *args: Any, **known: Any) -> Any:
        super().training_step(*args, **known)


def made(kind: type[Trainer], tmp_path: Path, **changes: Any) -> Trainer:
    args = TrainingArguments(output_dir=str(tmp_path), **settings(max_steps=4, **changes))
    return kind(Small(), args, train_dataset=Points(), eval_dataset=Points(8))


def test_an_evaluation_that_returns_nothing_lets_the_run_go_on(tmp_path: Path) -> None:
    trainer = made(SilentEvaluation, tmp_path, eval_strategy="steps", eval_steps=2)
    trainer.train()
    assert trainer.state.global_step == 4
    assert sum("eval_loss" in entry for entry in trainer.state.log_history) == 2


def test_the_metric_that_it_does_not_return_is_named(tmp_path: Path) -> None:
    best = {"load_best_model_at_end": True, "metric_for_best_model": "eval_loss"}
    trainer = made(SilentEvaluation, tmp_path, eval_strategy="steps", eval_steps=4, **best)
    with pytest.raises(Exception, match="eval_loss") as caught:
        trainer.train()
    assert type(caught.value).__module__.startswith("trainspec")


def test_a_step_that_returns_no_loss_is_told(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="training_step returned nothing"):
        made(SilentStep, tmp_path).train()
