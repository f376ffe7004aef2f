"""Any module that returns a loss, and data in any form that people have them in."""

from dataclasses import dataclass
from typing import Any

import numpy
import pytest
import torch
from tests.training.small_job import Line, Make, Rows, entries, weights
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from trainspec import PreflightError, Trainer
from trainspec.training.errors import ModelOutputError


@dataclass
class Output:
    loss: Tensor | None
    logits: Tensor


class Returns(Line):
    """Returns its loss in the shape asked for."""

    def __init__(self, shape: str) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> Any:
        named = super().forward(inputs, labels, number)
        loss, logits = named.get("loss"), named["logits"]
        shapes = {"tensor": loss, "tuple": (loss, logits), "dict": named, "dataclass": Output(loss, logits)}
        return shapes[self.shape]


@pytest.mark.parametrize("shape", ["tensor", "tuple", "dict", "dataclass"])
def test_models_may_return_what_they_like(make_trainer: Make, shape: str) -> None:
    trainer, plain = make_trainer(model=Returns(shape)), make_trainer()
    trainer.train()
    plain.train()
    assert torch.equal(weights(trainer)["layer.weight"], weights(plain)["layer.weight"])
    predicted = trainer.predict(Rows(5)).predictions
    if shape != "tensor":
        numpy.testing.assert_array_equal(predicted, plain.predict(Rows(5)).predictions)


class Stream(IterableDataset[dict[str, Tensor]]):
    def __iter__(self) -> Any:
        return iter([Rows()[index] for index in range(24)])


class SizedStream(Stream):
    def __len__(self) -> int:
        return 24


def _hugging_face_rows() -> Any:
    import datasets

    rows = Rows()
    return datasets.Dataset.from_dict(
        {"inputs": rows.inputs.tolist(), "labels": rows.targets.tolist(), "text": ["x"] * 24}
    )


class OwnLoader(Trainer):
    """A loader that is only a list of batches."""

    def get_train_dataloader(self) -> Any:
        rows = Rows()
        return [{"inputs": rows.inputs[i : i + 4], "labels": rows.targets[i : i + 4]} for i in range(0, 24, 4)]


class OwnTorchLoader(Trainer):
    def get_train_dataloader(self) -> Any:
        return DataLoader(Rows(), batch_size=4, shuffle=True)


DATA: list[Any] = [
    pytest.param({"train_dataset": Stream(), "max_steps": 12}, id="without-length"),
    pytest.param({"train_dataset": SizedStream()}, id="iterable-with-length"),
    pytest.param({"train_dataset": [Rows()[index] for index in range(24)]}, id="list-of-dicts"),
    pytest.param({"train_dataset": TensorDataset(Rows().inputs, Rows().targets)}, id="tensors"),
    pytest.param({"kind": OwnLoader, "train_dataset": None}, id="list-of-batches"),
    pytest.param({"kind": OwnTorchLoader, "train_dataset": None}, id="loader-of-ones-own"),
]


@pytest.mark.parametrize("given", DATA)
def test_data_may_come_as_it_likes(make_trainer: Make, given: dict[str, Any]) -> None:
    epochs = {} if "max_steps" in given else {"num_train_epochs": 2}
    trainer = make_trainer(logging_strategy="epoch", **given, **epochs)
    trainer.train()
    assert trainer.state.global_step == 12 and trainer.state.epoch == 2
    assert [entry["step"] for entry in entries(trainer, "loss")] == [6, 12]
    losses = [entry["loss"] for entry in entries(trainer, "loss")]
    assert losses[1] < losses[0]


def test_data_may_be_of_hugging_face(make_trainer: Make) -> None:
    trainer = make_trainer(train_dataset=_hugging_face_rows(), num_train_epochs=2, logging_strategy="epoch")
    trainer.train()
    assert trainer.state.global_step == 12


def test_a_model_without_a_loss_is_told_what_it_returned(make_trainer: Make) -> None:
    class NoLoss(Line):
        def forward(self, inputs: Tensor, labels: Any = None, number: Any = None) -> Any:
            return {"logits": self.layer(inputs)}

    with pytest.raises(PreflightError, match=r"RUN157.*a dict with 'logits'"):
        make_trainer(model=NoLoss()).train()
    with pytest.raises(ModelOutputError, match="a dict with 'logits'"):
        make_trainer(model=NoLoss()).evaluate()
