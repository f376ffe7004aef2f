"""An optimizer, and a schedule, that the user brings."""

from typing import Any

import torch
from tests.training.small_job import Line, Make, weights

from trainspec.training.trainer import Trainer


def test_an_optimizer_and_schedule_of_ones_own_are_used(make_trainer: Make) -> None:
    model = Line()
    own = torch.optim.SGD(model.parameters(), lr=0.5)
    halving = torch.optim.lr_scheduler.StepLR(own, step_size=1, gamma=0.5)
    trainer = make_trainer(model=model, optimizers=(own, halving), logging_steps=1, max_steps=3)
    trainer.train()
    rates: list[Any] = [e["learning_rate"] for e in trainer.state.log_history if "learning_rate" in e]
    assert trainer.optimizer is own and rates == [0.5, 0.25, 0.125]


def test_optimizer_cls_and_kwargs_take_the_place_of_optim(make_trainer: Make, arguments: Any) -> None:
    ends = []
    for pair in (None, (torch.optim.SGD, {"lr": 0.01})):
        usual = make_trainer(optim="sgd" if pair is None else "adagrad", lr_scheduler_type="constant")
        trainer = Trainer(usual.model, usual.args, train_dataset=usual.train_dataset, optimizer_cls_and_kwargs=pair)
        trainer.train()
        assert type(trainer.optimizer) is torch.optim.SGD
        ends.append(weights(trainer))
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())
