"""A training_step that a subclass writes gives the update of the big batch, or a warning says that it does not."""

import logging
from typing import Any

import pytest
import torch
from tests.training.loss.test_items_in_batch import LABELLED, Mean, Tokens, divides
from tests.training.small_job import Make, entries, weights
from torch import Tensor

from trainspec import Trainer


class OwnStep(Trainer):
    """As older releases of transformers have it: compute_loss, backward, and a return value of its own."""

    def shared(self, loss: Tensor) -> Tensor:
        return loss

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Tensor | None = None) -> Tensor:
        inputs = self._prepare_inputs(inputs)
        with self.compute_loss_context_manager():
            loss = self.compute_loss(model, inputs, num_items_in_batch=num_items_in_batch)
        loss = self.shared(loss)
        self.backward(loss)
        return loss.detach() / self.args.gradient_accumulation_steps


class Divided(OwnStep):
    def shared(self, loss: Tensor) -> Tensor:
        return loss / self.args.gradient_accumulation_steps


class Old(OwnStep):
    def training_step(self, model: Any, inputs: Any) -> Tensor:  # type: ignore[override]
        return super().training_step(model, inputs)


class Around(Trainer):
    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Tensor | None = None) -> Tensor:
        return super().training_step(model, inputs, num_items_in_batch)


class OldLoss(OwnStep):
    """An older compute_loss beside it, which takes no items."""

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        return super().compute_loss(model, inputs, return_outputs)


class ByItself(OwnStep):
    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Tensor | None = None) -> Tensor:
        loss = self.compute_loss(model, self._prepare_inputs(inputs))
        loss.backward()
        return loss.detach()


def _trained(make_trainer: Make, kind: Any, size: int, accumulation: int, **more: Any) -> Trainer:
    trainer = make_trainer(
        kind=kind,
        model=Mean(),
        train_dataset=Tokens(LABELLED[:11]),
        per_device_train_batch_size=size,
        gradient_accumulation_steps=accumulation,
        logging_steps=1,
        optim="sgd",
        learning_rate=0.5,
        max_grad_norm=0,
        **more,
    )
    trainer.train()
    return trainer


@pytest.mark.parametrize("kind", [OwnStep, Divided, Old, Around, OldLoss], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("function", [None, divides], ids=["model's loss", "own loss"])
@pytest.mark.parametrize("size, accumulation", [(1, 4), (2, 2), (1, 10), (4, 1)])
def test_an_own_step_makes_the_update_of_the_big_batch(
    make_trainer: Make, kind: Any, function: Any, size: int, accumulation: int
) -> None:
    """The last window is short."""
    whole = _trained(make_trainer, Trainer, size * accumulation, 1, compute_loss_func=function)
    parts = _trained(make_trainer, kind, size, accumulation, compute_loss_func=function)
    for name, value in weights(whole).items():
        torch.testing.assert_close(weights(parts)[name], value, rtol=1e-12, atol=1e-14)
    logged = [[entry["loss"] for entry in entries(trainer, "grad_norm")] for trainer in (whole, parts)]
    assert logged[1] == pytest.approx(logged[0], rel=1e-12)


@pytest.mark.parametrize(
    "kind, accumulation, said",
    [(ByItself, 4, 1), (ByItself, 1, 0), (OwnStep, 4, 0), (Divided, 4, 0), (Around, 4, 0)],
)
def test_a_step_with_a_backward_pass_of_its_own_is_told_of_once(
    make_trainer: Make, caplog: Any, kind: Any, accumulation: int, said: int
) -> None:
    with caplog.at_level(logging.WARNING):
        _trained(make_trainer, kind, 1, accumulation)
    found = [record.message for record in caplog.records if "RUN159" in record.message]
    assert len(found) == said
    assert all("ByItself.training_step" in message and "self.backward(loss)" in message for message in found)


def test_the_method_is_the_users_again_afterwards(make_trainer: Make) -> None:
    trainer = _trained(make_trainer, OldLoss, 1, 4)
    assert "compute_loss" not in vars(trainer)
    assert trainer.parts.own_step is None
