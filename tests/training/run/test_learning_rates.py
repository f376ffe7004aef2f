"""The learning rate that each update uses, by a formula of the test's own."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, entries
from torch import Tensor

RATE, TOTAL = 0.01, 12


def _rates(trainer: Any) -> list[float]:
    return [entry["learning_rate"] for entry in entries(trainer, "learning_rate")]


def _warm(k: int, warmup: int, after: Callable[[float], float]) -> float:
    return k / warmup if k < warmup else after((k - warmup) / (TOTAL - warmup))


CURVES: list[Any] = [
    pytest.param("linear", {}, lambda k: _warm(k, 3, lambda p: 1 - p), id="linear"),
    pytest.param("cosine", {}, lambda k: _warm(k, 3, lambda p: 0.5 * (1 + math.cos(math.pi * p))), id="cosine"),
    pytest.param("constant", {}, lambda k: 1.0, id="constant"),
    pytest.param("constant_with_warmup", {}, lambda k: _warm(k, 3, lambda p: 1.0), id="constant_with_warmup"),
    pytest.param(
        "cosine_with_restarts",
        {"num_cycles": 2},
        lambda k: _warm(k, 3, lambda p: 0.5 * (1 + math.cos(math.pi * (2 * p % 1)))),
        id="cosine_with_restarts",
    ),
    pytest.param(
        "polynomial",
        {"lr_end": 0.001, "power": 2.0},
        lambda k: _warm(k, 3, lambda p: 0.9 * (1 - p) ** 2 + 0.1),
        id="polynomial",
    ),
    pytest.param("inverse_sqrt", {}, lambda k: _warm(k, 3, lambda p: math.sqrt(3 / k)), id="inverse_sqrt"),
    pytest.param(
        "cosine_with_min_lr",
        {"min_lr": 0.002},
        lambda k: _warm(k, 3, lambda p: 0.2 + 0.8 * 0.5 * (1 + math.cos(math.pi * p))),
        id="cosine_with_min_lr",
    ),
    pytest.param(
        "cosine_warmup_with_min_lr",
        {"min_lr_rate": 0.1},
        lambda k: (k + 1) / 3 if k < 3 else 0.1 + 0.45 * (1 + math.cos(math.pi * (k - 2) / 9)),
        id="cosine_warmup_with_min_lr",
    ),
    pytest.param(
        "warmup_stable_decay",
        {"num_decay_steps": 4, "decay_type": "linear"},
        lambda k: _warm(k, 3, lambda p: 1.0) if k < 8 else 1 - (k - 8) / 4,
        id="warmup_stable_decay",
    ),
]


@pytest.mark.parametrize("name, kwargs, curve", CURVES)
def test_lr_scheduler_type_lr_scheduler_kwargs(
    make_trainer: Make, name: str, kwargs: dict[str, Any], curve: Callable[[int], float]
) -> None:
    warmup = {} if name == "constant" else {"warmup_steps": 3}
    trainer = make_trainer(
        lr_scheduler_type=name,
        lr_scheduler_kwargs=kwargs,
        learning_rate=RATE,
        num_train_epochs=2,
        logging_steps=1,
        **warmup,
    )
    trainer.train()
    assert _rates(trainer) == pytest.approx([RATE * curve(k) for k in range(TOTAL)], rel=1e-12, abs=1e-18)


@pytest.mark.parametrize("settings, warmup", [({"warmup_ratio": 0.3}, 4), ({"warmup_steps": 5}, 5)])
def test_warmup_ratio_warmup_steps(make_trainer: Make, settings: dict[str, Any], warmup: int) -> None:
    trainer = make_trainer(num_train_epochs=2, logging_steps=1, lr_scheduler_type="constant_with_warmup", **settings)
    trainer.train()
    assert _rates(trainer) == pytest.approx([0.01 * min(1, k / warmup) for k in range(12)])


class Stuck(Line):
    """Its evaluation loss never gets better."""

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> dict[str, Tensor]:
        returned = super().forward(inputs, labels, number)
        return returned if self.training else {**returned, "loss": torch.tensor(1.0)}


def test_lr_scheduler_type_reduce_lr_on_plateau_falls_by_evaluations_alone(make_trainer: Make) -> None:
    trainer = make_trainer(
        model=Stuck(),
        lr_scheduler_type="reduce_lr_on_plateau",
        lr_scheduler_kwargs={"patience": 0, "factor": 0.5},
        eval_strategy="steps",
        eval_steps=3,
        logging_steps=1,
        num_train_epochs=2,
    )
    trainer.train()
    # The first evaluation sets the mark; each further one halves the rate of the updates after it.
    assert _rates(trainer) == [0.01] * 6 + [0.005] * 3 + [0.0025] * 3


def test_lr_scheduler_type_reduce_lr_on_plateau_is_the_same_after_a_resume(make_trainer: Make) -> None:
    settings = {
        "lr_scheduler_type": "reduce_lr_on_plateau",
        "lr_scheduler_kwargs": {"patience": 1, "factor": 0.1},
        "eval_strategy": "steps",
        "eval_steps": 1,
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": 2,
    }
    whole = make_trainer(model=Stuck(), **settings)
    whole.train()
    resumed = make_trainer(model=Stuck(), **settings, resume_from_checkpoint=f"{whole.args.output_dir}/checkpoint-2")
    resumed.train()
    assert _rates(resumed) == _rates(whole)
    assert len(set(_rates(whole))) == 3, "the rate fell before and after the cut"
