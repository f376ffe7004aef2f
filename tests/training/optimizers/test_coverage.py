"""Promise: before training it is told which of the model's parameters the optimizer does not hold, and nothing else."""

import copy
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR

from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.trainer import Trainer


class Deep(Line):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)

    def forward(self, inputs: Any, labels: Any = None, number: Any = None) -> Any:
        return super().forward(self.first(inputs), labels, number)


def _codes(trainer: Trainer) -> list[str]:
    return [item.code for item in trainer.preflight() if item.code.startswith("RUN23")]


def _replaced(model: Deep) -> nn.Module:
    model.first = nn.Linear(4, 4)
    return model


def _adapted(model: Deep) -> nn.Module:
    for value in model.parameters():
        value.requires_grad = False
    model.register_parameter("adapter", nn.Parameter(torch.zeros(1)))
    return model


def _frozen(model: Deep) -> nn.Module:
    model.first.requires_grad_(False)
    return model


AFTERWARDS: dict[str, tuple[Any, list[str]]] = {
    "as it was": (lambda model: model, []),
    "moved": (lambda model: model.to("cpu", torch.float64), []),
    "compiled": (lambda model: torch.compile(model, backend="eager"), []),
    "data parallel": (nn.DataParallel, []),
    "a layer frozen": (_frozen, []),
    "a layer replaced": (_replaced, ["RUN231"]),
    "another model": (lambda model: Deep(), ["RUN230"]),
    "copied": (copy.deepcopy, ["RUN230"]),
    "adapters put in, the rest frozen": (_adapted, ["RUN230"]),
}


@pytest.mark.parametrize("change, codes", AFTERWARDS.values(), ids=AFTERWARDS)
def test_a_model_that_changed_after_its_optimizer_was_made(make_trainer: Make, change: Any, codes: list[str]) -> None:
    model = Deep()
    optimizer = SGD(model.parameters(), lr=0.1)
    assert _codes(make_trainer(model=change(model), optimizers=(optimizer, None))) == codes


def test_what_is_left_out_is_named_and_trains_no_less(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    model = Deep()
    trainer = make_trainer(model=model, optimizers=(SGD(model.first.parameters(), lr=0.1), None))
    trainer.train()
    (told,) = (record.getMessage() for record in caplog.records if "RUN231" in record.getMessage())
    assert "2 of the model's 4 parameters that require a gradient: layer.weight, layer.bias\n" in told


def test_the_names_are_plain_and_not_too_many(make_trainer: Make) -> None:
    model = torch.compile(nn.Sequential(*(nn.Linear(1, 1) for _ in range(9))), backend="eager")
    trainer = make_trainer(model=model, optimizers=(SGD(Line().parameters(), lr=0.1), None))
    (found,) = (item for item in trainer.preflight() if item.code == "RUN230")
    assert "0.weight, 0.bias, " in found.message and found.message.endswith(" and 10 more")


def test_a_loss_may_have_parameters_of_its_own(make_trainer: Make) -> None:
    model, temperature = Line(), nn.Parameter(torch.ones(1))
    optimizer = SGD([*model.parameters(), temperature], lr=0.1)
    assert _codes(make_trainer(model=model, optimizers=(optimizer, None))) == []


def test_a_given_pair_is_not_of_the_next_model_that_model_init_makes(make_trainer: Make) -> None:
    trainer = make_trainer(model_init=Line)
    trainer.optimizer, trainer.lr_scheduler = trainer.given = (SGD(trainer.model.parameters(), lr=0.1), None)
    with pytest.raises(PreflightError, match=r"RUN230.*layer\.weight, layer\.bias"):
        trainer.train()


@pytest.mark.parametrize("way", ["create_optimizer", "create_optimizer_and_scheduler", "class"])
def test_an_optimizer_that_an_override_makes_is_looked_at_too(make_trainer: Make, way: str) -> None:
    class Makes(Trainer):
        pass

    def make(self: Trainer, *_: Any) -> Any:
        self.optimizer = SGD(Line().parameters(), lr=0.1)
        self.lr_scheduler = LambdaLR(self.optimizer, lambda step: 1.0)

    if way != "class":
        setattr(Makes, way, make)
    given = {"optimizer_cls_and_kwargs": (SGD, {"params": Line().parameters(), "lr": 0.1})} if way == "class" else {}
    trainer = make_trainer(kind=Makes, **given)
    before = copy.deepcopy(trainer.model.state_dict())
    with pytest.raises(PreflightError, match="RUN230"):
        trainer.train()
    assert trainer.state.global_step == 0
    assert all(torch.equal(value, before[name]) for name, value in trainer.model.state_dict().items())


def test_a_pair_that_does_not_belong_together(make_trainer: Make) -> None:
    model = Line()
    optimizer = SGD(model.parameters(), lr=0.1)
    other = LambdaLR(SGD(model.parameters(), lr=0.1), lambda step: 0.5)
    assert _codes(make_trainer(model=model, optimizers=(optimizer, other))) == ["RUN232"]
    assert _codes(make_trainer(model=model, optimizers=(optimizer, LambdaLR(optimizer, lambda step: 0.5)))) == []
    with pytest.raises(PreflightError, match="RUN232"):
        make_trainer(model=model, optimizers=(None, other)).train()


def test_a_pair_that_is_used_a_second_time_says_where_it_stands(
    make_trainer: Make, caplog: pytest.LogCaptureFixture
) -> None:
    model = Line()
    optimizer = SGD(model.parameters(), lr=0.1)
    trainer = make_trainer(
        model=model, optimizers=(optimizer, LambdaLR(optimizer, lambda step: max(0.0, 1 - step / 6)))
    )
    trainer.train()
    assert "RUN233" not in caplog.text
    trainer.train()
    assert "has made 6 steps already: training begins at learning rate 0\n" in caplog.text


def test_a_pair_that_a_resumed_run_was_given_is_no_used_one(
    make_trainer: Make, caplog: pytest.LogCaptureFixture
) -> None:
    def job(**changes: Any) -> Trainer:
        model = Line()
        optimizer = SGD(model.parameters(), lr=0.1)
        return make_trainer(model=model, optimizers=(optimizer, LambdaLR(optimizer, lambda step: 1.0)), **changes)

    job(save_strategy="epoch").train()
    job(num_train_epochs=2).train(resume_from_checkpoint=True)
    assert "RUN23" not in caplog.text
