"""A loss is found in whatever people's models return, and what is none is said to be none."""

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from tests.training.small_job import Make
from torch import Tensor, nn

from trainspec.training.errors import ModelOutputError
from trainspec.training.model.counting import count_rows, weigh
from trainspec.training.model.outputs import label_names, labels_of, loss_of, predictions_of

LOSS, SCORES = torch.tensor(2.0), torch.ones(3, 2)
Pair = namedtuple("Pair", "loss logits")


@dataclass
class Returned:
    loss: Tensor
    logits: Tensor
    hidden: Tensor | None = None


@pytest.mark.parametrize(
    "outputs, rest",
    [
        (LOSS, None),
        ((LOSS, SCORES), SCORES),
        ((LOSS, SCORES, SCORES), (SCORES, SCORES)),
        (Pair(LOSS, SCORES), SCORES),
        ({"logits": SCORES, "loss": LOSS}, SCORES),
        ({"loss": LOSS.reshape(1), "logits": SCORES}, SCORES),
        (Returned(LOSS, SCORES), SCORES),
    ],
    ids=["tensor", "tuple", "tuple-of-three", "namedtuple", "mapping", "one-number-with-a-dimension", "dataclass"],
)
def test_loss_and_predictions(outputs: Any, rest: Any) -> None:
    assert loss_of(outputs).shape == () and loss_of(outputs) == 2
    assert predictions_of(outputs, without_loss=True) is rest or predictions_of(outputs, without_loss=True) == rest


@pytest.mark.parametrize(
    "outputs, told",
    [
        (SCORES, r"tensor of shape \(3, 2\)"),
        ({"logits": SCORES}, "'logits'"),
        ((SCORES,), "tuple"),
        (None, "NoneType"),
        ({"loss": SCORES}, "'loss'"),
    ],
    ids=["scores", "mapping", "tuple", "nothing", "loss-per-row"],
)
def test_no_loss_is_said(outputs: Any, told: str) -> None:
    with pytest.raises(ModelOutputError, match=told):
        loss_of(outputs)


@pytest.mark.parametrize(
    "batch, weight",
    [
        ({"x": torch.ones(4, 3), "labels": torch.tensor([[1, -100], [2, 3], [-100, -100], [0, 0]])}, 5),
        ({"x": torch.ones(4, 3), "labels": torch.ones(4, 2)}, 4),
        ({"x": torch.ones(4, 3)}, 4),
        ((torch.ones(4, 3), torch.tensor([0, 1, -100, 2])), 3),
        ((torch.ones(4, 3),), 4),
        (torch.ones(6, 2), 6),
    ],
    ids=["class-labels", "regression", "no-labels", "tuple", "tuple-of-one", "tensor"],
)
def test_weigh(batch: Any, weight: int) -> None:
    assert weigh(batch, ["labels"]) == weight


def test_count_rows_looks_into_nests() -> None:
    assert count_rows({"name": "a", "nested": {"x": torch.ones(5)}}) == 5
    assert count_rows([]) == 0


def test_label_names_by_signature() -> None:
    class Spans(nn.Module):
        def forward(self, x: Tensor, start_positions: Tensor, end_positions: Tensor, token_label: Tensor) -> None: ...

    assert label_names(Spans(), None) == ["start_positions", "end_positions", "token_label"]
    assert label_names(Spans(), ["x"]) == ["x"]
    assert labels_of({"x": 1}, ["labels"]) is None


@pytest.mark.parametrize("kind", ["tensor", "tuple", "mapping", "dataclass"])
def test_any_module_trains(make_trainer: Make, kind: str) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 1)

        def forward(self, inputs: Tensor, targets: Tensor) -> Any:
            scores = self.layer(inputs)
            loss = (scores - targets).pow(2).mean()
            shapes: dict[str, Any] = {"tensor": loss, "tuple": (loss, scores), "mapping": {"loss": loss}}
            return shapes.get(kind, Returned(loss, scores))

    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(16, 4, generator=generator)
    data = torch.utils.data.TensorDataset(inputs, inputs.sum(1, keepdim=True))
    trainer = make_trainer(model=Model(), train_dataset=data, eval_dataset=data, num_train_epochs=30)
    before = trainer.evaluate()["eval_loss"]
    trainer.train()
    assert trainer.evaluate()["eval_loss"] < before / 2
