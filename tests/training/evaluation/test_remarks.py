"""What an evaluation could not give is said, once, where somebody would look for it."""

import logging
from typing import Any

import pytest
import torch
from tests.training.small_job import Make
from torch import Tensor, nn
from torch.nn import functional


class Target(nn.Module):
    """It calls its labels otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: Tensor, target: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.layer(x)
        return (
            {"logits": logits}
            if target is None
            else {"loss": functional.cross_entropy(logits, target), "logits": logits}
        )


ROWS = [{"x": torch.ones(3), "target": torch.tensor(1)} for _ in range(6)]


def _said(caplog: Any) -> list[str]:
    return [record.message for record in caplog.records if "RUN153" in record.message]


@pytest.mark.parametrize("by_batch", [False, True])
def test_metrics_without_labels_are_told_of_once(make_trainer: Make, caplog: Any, by_batch: bool) -> None:
    called: list[Any] = []

    def metrics(prediction: Any, compute_result: bool = True) -> dict[str, float]:
        called.append(prediction)
        return {"accuracy": 1.0}

    given = {"model": Target(), "eval_dataset": ROWS, "compute_metrics": metrics, "batch_eval_metrics": by_batch}
    trainer = make_trainer(**given)
    with caplog.at_level(logging.WARNING):
        assert all("eval_accuracy" not in trainer.evaluate() for _ in range(3))
    (message,) = _said(caplog)
    assert not called and "looked for in 'labels'" in message and "target, x" in message and "label_names" in message
    named = make_trainer(**given, label_names=["target"])
    assert named.evaluate()["eval_accuracy"] == 1.0 and called
    assert len(_said(caplog)) == 1


def test_predictions_may_have_no_labels(make_trainer: Make, caplog: Any) -> None:
    trainer = make_trainer(model=Target(), compute_metrics=lambda prediction: {"accuracy": 1.0})
    with caplog.at_level(logging.WARNING):
        trainer.predict([{"x": torch.ones(3)}] * 4)
    assert not _said(caplog)


def test_an_evaluation_of_the_loss_alone_misses_nothing(make_trainer: Make, caplog: Any) -> None:
    metrics = {"compute_metrics": lambda prediction: {"accuracy": 1.0}, "prediction_loss_only": True}
    with caplog.at_level(logging.WARNING):
        make_trainer(model=Target(), eval_dataset=ROWS, **metrics).evaluate()
    assert not _said(caplog)
