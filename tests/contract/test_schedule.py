"""The learning rate that moved the weights in each update, against formulas of the test's own."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows
from torch import Tensor, nn

RATE, TOTAL = 0.01, 12


class Steady(nn.Module):
    """Its gradient is 1 whatever happens, so that plain descent moves the weight by the learning rate."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.places: list[float] = []

    def forward(self, inputs: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        if self.training:
            self.places.append(self.weight.item())
        return {"loss": self.weight if self.training else torch.ones((), dtype=torch.float64)}


def _moved(make_trainer: Make, **settings: Any) -> list[float]:
    """By how much each of 12 updates moved the weight."""
    model = Steady()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    # A gradient at the limit would be clipped a little below it.
    known = {"model": model, "optimizers": (optimizer, None), "max_grad_norm": 0.0, "learning_rate": RATE}
    make_trainer(num_train_epochs=2, **known, **settings).train()
    places = [*model.places, model.weight.item()]
    return [before - after for before, after in pairwise(places)]


def _exactly(factor: Callable[[int], float]) -> Any:
    return pytest.approx([RATE * factor(k) for k in range(TOTAL)], rel=1e-11, abs=1e-15)


def _after_3(after: Callable[[float], float]) -> Callable[[int], float]:
    return lambda k: k / 3 if k < 3 else after((k - 3) / 9)


def _cos(part: float) -> float:
    return 0.5 + 0.5 * math.cos(math.pi * part)


CURVES: dict[str, tuple[dict[str, Any], Callable[[int], float]]] = {
    "linear": ({}, _after_3(lambda p: 1 - p)),
    "cosine": ({}, _after_3(_cos)),
    "cosine_with_restarts": ({"num_cycles": 3}, _after_3(lambda p: _cos(3 * p % 1))),
    "polynomial": ({"lr_end": 0.002, "power": 2.0}, _after_3(lambda p: 0.8 * (1 - p) ** 2 + 0.2)),
    "constant_with_warmup": ({}, _after_3(lambda p: 1.0)),
    "inverse_sqrt": ({"timescale": 5}, lambda k: k / 3 if k < 3 else math.sqrt(5 / (k + 2))),
    "cosine_with_min_lr": ({"min_lr": 0.004}, _after_3(lambda p: 0.4 + 0.6 * _cos(p))),
    "cosine_warmup_with_min_lr": (
        {"min_lr_rate": 0.1, "warmup_lr_rate": 0.2},
        lambda k: 0.2 + 0.4 * k if k < 3 else 0.1 + 0.9 * _cos((k - 2) / 9),
    ),
    "warmup_stable_decay": (
        {"num_decay_steps": 4, "min_lr_ratio": 0.5, "decay_type": "1-sqrt"},
        lambda k: 0.5 + k / 6 if k < 3 else 1.0 if k < 8 else 0.5 + 0.5 * (1 - math.sqrt((k - 8) / 4)),
    ),
}


@pytest.mark.parametrize("name", CURVES)
def test_lr_scheduler_type_and_kwargs_move_the_weights(make_trainer: Make, name: str) -> None:
    kwargs, factor = CURVES[name]
    moved = _moved(make_trainer, lr_scheduler_type=name, lr_scheduler_kwargs=kwargs, warmup_steps=3)
    assert moved == _exactly(factor)


def test_lr_scheduler_type_constant_moves_the_weights_alike(make_trainer: Make) -> None:
    assert _moved(make_trainer, lr_scheduler_type="constant") == _exactly(lambda k: 1.0)


def test_lr_scheduler_type_reduce_lr_on_plateau_falls_by_evaluations_alone(make_trainer: Make) -> None:
    moved = _moved(
        make_trainer,
        lr_scheduler_type="reduce_lr_on_plateau",
        lr_scheduler_kwargs={"patience": 0, "factor": 0.5},
        eval_strategy="steps",
        eval_steps=3,
    )
    # The first evaluation sets the mark; each further one halves the rate of the updates after it.
    assert moved == _exactly(lambda k: 1.0 if k < 6 else 0.5 if k < 9 else 0.25)


@pytest.mark.parametrize("kwargs, waves", [({}, 0.5), ({"num_cycles": 1.5}, 1.5)])
def test_lr_scheduler_kwargs_reach_the_schedule(make_trainer: Make, kwargs: dict[str, Any], waves: float) -> None:
    moved = _moved(make_trainer, lr_scheduler_type="cosine", lr_scheduler_kwargs=kwargs)
    assert moved == _exactly(lambda k: _cos(2 * waves * k / 12))


@pytest.mark.parametrize("ratio, updates", [(0.0, 0), (0.25, 3), (0.26, 4), (1 / 12, 1), (1.0, 12)])
def test_warmup_ratio_is_a_share_of_all_updates_rounded_up(make_trainer: Make, ratio: float, updates: int) -> None:
    moved = _moved(make_trainer, lr_scheduler_type="constant_with_warmup", warmup_ratio=ratio)
    assert moved == _exactly(lambda k: k / updates if k < updates else 1.0)


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@pytest.mark.parametrize("steps, updates", [(0, 6), (1, 1), (5, 5)])
def test_warmup_steps_above_0_replace_the_ratio(make_trainer: Make, steps: int, updates: int) -> None:
    settings = {"lr_scheduler_type": "constant_with_warmup", "warmup_ratio": 0.5, "warmup_steps": steps}
    assert _moved(make_trainer, **settings) == _exactly(lambda k: k / updates if k < updates else 1.0)


def test_lr_scheduler_type_takes_the_rate_of_an_optimizer_of_ones_own(make_trainer: Make) -> None:
    model = Line()
    groups = [{"params": [model.layer.weight]}, {"params": [model.layer.bias], "lr": 0.5}]
    optimizer = torch.optim.SGD(groups, lr=0.2)
    trainer = make_trainer(
        model=model,
        train_dataset=Rows(8),
        optimizers=(optimizer, None),
        learning_rate=0.3,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr": 0.1},
    )
    trainer.train()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.1, 0.25])
