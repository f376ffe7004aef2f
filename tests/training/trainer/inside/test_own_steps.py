"""Losses, steps, optimizers and models as subclasses of public repositories bring them, each seen to act."""

from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, entries, rows_of
from torch import Tensor, nn

from trainspec import Trainer

# Losses and steps


class Distils(Trainer):
    def __init__(self, *args: Any, teacher: nn.Module, temperature: float = 2.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.teacher, self.temperature = teacher.eval(), temperature
        self._move_model_to_device(self.teacher, self.model.layer.weight.device)

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        own = model(**inputs)
        with torch.no_grad():
            taught = self.teacher(**inputs)
        loss = own["loss"] * 0.5 + nn.functional.mse_loss(own["logits"], taught["logits"]) / self.temperature
        return (loss, own) if return_outputs else loss


def test_a_teacher_is_learnt_from(make_trainer: Make, arguments: Any) -> None:
    teacher = Line()
    with torch.no_grad():
        teacher.layer.weight.fill_(1.0)
    settings = arguments(max_steps=1, logging_steps=1)
    trainer = Distils(Line(), settings, train_dataset=Rows(), eval_dataset=Rows(10), teacher=teacher)
    trainer.train()
    rows, model = Rows(), Line()
    picked = rows_of(trainer)
    output = model.layer(rows.inputs[picked])
    expected = 0.5 * nn.functional.mse_loss(output, rows.targets[picked])
    expected = expected + nn.functional.mse_loss(output, teacher.layer(rows.inputs[picked])) / 2.0
    assert entries(trainer, "loss")[0]["loss"] == pytest.approx(expected.item(), rel=1e-5)


class StepByHand(Trainer):
    """A copy of transformers' training_step."""

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        model.train()
        inputs = self._prepare_inputs(inputs)
        with self.compute_loss_context_manager():
            loss = self.compute_loss(model, inputs, num_items_in_batch=num_items_in_batch)
        if self.args.n_gpu > 1:
            loss = loss.mean()
        counts = self.model_accepts_loss_kwargs and num_items_in_batch is not None
        if not counts and self.compute_loss_func is None:
            loss = loss / self.current_gradient_accumulation_steps
        self.accelerator.backward(loss)
        return loss.detach()


class Summed(Line):
    """Divides by a count that it is given, as language models do."""

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Any = None, **loss: Any) -> Any:
        found = super().forward(inputs, labels, number)
        items = loss.get("num_items_in_batch")
        if labels is not None and items is not None:
            found["loss"] = nn.functional.mse_loss(found["logits"], labels, reduction="sum") / items
        return found


@pytest.mark.parametrize("model", [Line, Summed])
def test_a_step_that_is_copied_from_transformers_gives_the_same_numbers(make_trainer: Make, model: Any) -> None:
    runs = {"gradient_accumulation_steps": 3, "logging_steps": 1, "max_steps": 3, "learning_rate": 0.1}
    plain, trainer = make_trainer(model=model(), **runs), make_trainer(kind=StepByHand, model=model(), **runs)
    plain.train()
    trainer.train()
    assert torch.allclose(plain.model.layer.weight, trainer.model.layer.weight, rtol=1e-6)
    for one, other in zip(entries(plain, "loss"), entries(trainer, "loss"), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-5)


# Optimizers


class LayerwiseRates(Trainer):
    def create_optimizer(self) -> Any:  # type: ignore[override]
        if self.optimizer is None:
            cls, kwargs = Trainer.get_optimizer_cls_and_kwargs(self.args)
            decay = self.get_decay_parameter_names(self.model)
            named = self.model.named_parameters()
            groups = [{"params": [value], "lr": 0.5 if name in decay else 0.0} for name, value in named]
            self.optimizer = cls(groups, **kwargs)
        return self.optimizer


def test_groups_of_an_override_have_their_own_rates(make_trainer: Make) -> None:
    trainer = make_trainer(kind=LayerwiseRates, max_steps=1)
    bias = trainer.model.layer.bias.clone()
    trainer.train()
    assert torch.equal(trainer.model.layer.bias, bias)
    assert not torch.equal(trainer.model.layer.weight, Line().layer.weight)


def test_names_that_decay_are_those_of_the_override(make_trainer: Make) -> None:
    class All(Trainer):
        def get_decay_parameter_names(self, model: Any) -> list[str]:
            return [name for name, _ in model.named_parameters()]

    trainer = make_trainer(kind=All, weight_decay=0.1)
    (group,) = trainer.create_optimizer().param_groups
    assert len(group["params"]) == 2 and group["weight_decay"] == 0.1


def test_the_optimizer_class_of_an_override_is_built(make_trainer: Make) -> None:
    class Plain(Trainer):
        @staticmethod
        def get_optimizer_cls_and_kwargs(args: Any, model: Any = None) -> Any:
            return torch.optim.SGD, {"lr": args.learning_rate, "momentum": 0.5}

    optimizer = make_trainer(kind=Plain).create_optimizer()
    assert type(optimizer) is torch.optim.SGD and optimizer.param_groups[0]["momentum"] == 0.5


def test_a_norm_of_ones_own_is_logged_and_used(make_trainer: Make) -> None:
    class Freezes(Trainer):
        def _clip_grad_norm(self, model: Any) -> Any:  # type: ignore[override]
            for value in model.parameters():
                value.grad.zero_()
            return 7.0

    trainer = make_trainer(kind=Freezes, max_steps=1, logging_steps=1, weight_decay=0.0)
    trainer.train()
    assert entries(trainer, "loss")[0]["grad_norm"] == 7.0
    assert torch.equal(trainer.model.layer.weight, Line().layer.weight)


def test_a_norm_that_is_not_told_is_measured(make_trainer: Make) -> None:
    class Silent(Trainer):
        def _clip_grad_norm(self, model: Any) -> Any:  # type: ignore[override]
            super()._clip_grad_norm(model)

    plain, trainer = (
        make_trainer(kind=kind, max_steps=1, logging_steps=1, max_grad_norm=0.0) for kind in (Trainer, Silent)
    )
    plain.train()
    trainer.train()
    assert entries(trainer, "loss")[0]["grad_norm"] == pytest.approx(entries(plain, "loss")[0]["grad_norm"])


# Models


def test_a_model_that_stays_where_it_is_is_not_moved(make_trainer: Make) -> None:
    class Stays(Trainer):
        moved: Any = None

        def _move_model_to_device(self, model: Any, device: Any) -> None:
            type(self).moved = device

    class Pinned(Line):
        def to(self, *args: Any, **kwargs: Any) -> Any:
            raise AssertionError("a quantised model cannot be moved")

    make_trainer(kind=Stays, model=Pinned(), max_steps=1).train()
    assert Stays.moved == torch.device("cpu")
    make_trainer(kind=type("Off", (Trainer,), {"place_model_on_device": False}), model=Pinned(), max_steps=1).train()
    with pytest.raises(AssertionError, match="cannot be moved"):
        make_trainer(model=Pinned())


def test_a_wrapper_is_what_trains_and_evaluates(make_trainer: Make) -> None:
    class Twice(nn.Module):
        def __init__(self, module: nn.Module, factor: float) -> None:
            super().__init__()
            self.module, self.factor = module, factor

        def forward(self, **inputs: Any) -> Any:
            return {**(found := self.module(**inputs)), "loss": found["loss"] * self.factor}

    class Wraps(Trainer):
        def _wrap_model(self, model: Any, training: bool = True, dataloader: Any = None) -> Any:
            if not training and isinstance(model, Twice):
                model = model.module
            return Twice(model, 3.0 if training else 5.0)

    runs = {"max_steps": 1, "logging_steps": 1}
    plain, trainer = make_trainer(**runs), make_trainer(kind=Wraps, **runs)
    assert trainer.evaluate()["eval_loss"] == pytest.approx(5 * plain.evaluate()["eval_loss"])
    plain.train()
    trainer.train()
    assert entries(trainer, "loss")[0]["loss"] == pytest.approx(3 * entries(plain, "loss")[0]["loss"])


def test_a_model_is_made_by_the_override(make_trainer: Make) -> None:
    class Warm(Trainer):
        def call_model_init(self, trial: Any = None) -> Any:
            model = super().call_model_init(trial)
            nn.init.constant_(model.layer.weight, 9.0)
            return model

    assert make_trainer(kind=Warm, model_init=Line).model.layer.weight.unique().item() == 9.0
