"""The same seed, the same run."""

import os
import random
from collections.abc import Callable

import numpy
import pytest
import torch
from tests.training.small_job import Line, Make, entries

from trainspec import TrainingArguments
from trainspec.training.callbacks import TrainerCallback
from trainspec.training.run.seeding import (
    enable_full_determinism,
    make_deterministic,
    seed_for_model,
    seed_for_training,
    set_seed,
)


class Draws(TrainerCallback):
    """Draws from every generator at each update."""

    def __init__(self) -> None:
        self.drawn: list[tuple[float, float, float]] = []

    def on_step_end(self, args: object, state: object, control: object, **kwargs: object) -> None:
        self.drawn.append((random.random(), numpy.random.rand(), torch.rand(()).item()))


def test_seed_covers_python_numpy_and_torch(make_trainer: Make) -> None:
    runs = []
    for seed in (5, 5, 6):
        random.seed(seed * len(runs))
        draws = Draws()
        trainer = make_trainer(model=Line(dropout=0.5), seed=seed, callbacks=[draws], logging_steps=1)
        torch.rand(3)
        trainer.train()
        runs.append((draws.drawn, [entry["loss"] for entry in entries(trainer, "loss")]))
    assert runs[0] == runs[1]
    for kind in range(3):
        assert runs[0][0][0][kind] != runs[2][0][0][kind]


def test_full_determinism_asks_torch_for_deterministic_algorithms(make_trainer: Make) -> None:
    assert not torch.are_deterministic_algorithms_enabled()
    make_trainer()
    assert not torch.are_deterministic_algorithms_enabled()
    make_trainer(full_determinism=True)
    assert torch.are_deterministic_algorithms_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert torch.backends.cudnn.deterministic and not torch.backends.cudnn.benchmark


def _draws() -> tuple[float, ...]:
    return random.random(), float(numpy.random.rand()), torch.rand(()).item()


def test_set_seed_is_for_scripts_too() -> None:
    drawn = []
    for seed in (0, 0, 2**32 - 1):
        set_seed(seed)
        drawn.append(_draws())
    assert drawn[0] == drawn[1]
    assert all(first != other for first, other in zip(drawn[0], drawn[2], strict=True))
    assert not torch.are_deterministic_algorithms_enabled()
    set_seed(0, deterministic=True)
    assert torch.are_deterministic_algorithms_enabled() and _draws() == drawn[0]


@pytest.mark.parametrize("warn_only", [False, True])
def test_an_operation_without_a_deterministic_form_stops_or_warns(
    warn_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    enable_full_determinism(3, warn_only=warn_only)
    drawn = _draws()
    set_seed(3)
    assert _draws() == drawn
    assert {name: os.environ.get(name) for name in ENVIRONMENT} == ENVIRONMENT
    with pytest.warns(UserWarning) if warn_only else pytest.raises(RuntimeError, match="deterministic"):
        # Values put into one place twice have no order.
        torch.zeros(2).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))


ENVIRONMENT = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "FLASH_ATTENTION_DETERMINISTIC": "1", "PYTHONHASHSEED": "3"}


def test_full_determinism_keeps_what_the_user_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    enable_full_determinism(3)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


@pytest.mark.parametrize("started, said", [(False, False), (True, True)])
def test_full_determinism_that_comes_too_late_is_mentioned(
    started: bool, said: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: started)
    make_deterministic()
    assert ("before the process does" in caplog.text) == said
    caplog.clear()
    make_deterministic()
    assert not caplog.text


def test_a_model_is_made_from_the_same_numbers_on_every_rank(arguments: Callable[..., TrainingArguments]) -> None:
    draws = []
    for _ in range(2):
        seed_for_model(arguments(seed=5))
        draws.append(torch.rand(3))
    assert torch.equal(*draws)
    set_seed(5)
    assert torch.equal(torch.rand(3), draws[0])


def test_training_draws_other_numbers_on_every_rank(arguments: Callable[..., TrainingArguments]) -> None:
    drawn = {}
    for rank in (0, 1, 2, 1):
        seed_for_training(arguments(seed=5), rank)
        now = (random.random(), float(numpy.random.rand()), float(torch.rand(())))
        assert drawn.setdefault(rank, now) == now
    assert len({number for draws in drawn.values() for number in draws}) == 9
    set_seed(5)
    assert drawn[0][2] == float(torch.rand(()))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_ranks_of_one_seed_are_not_those_of_the_next(
    arguments: Callable[..., TrainingArguments], seed: int
) -> None:
    """As they would be with a sum of seed and rank."""
    seed_for_training(arguments(seed=seed), 1)
    first = float(torch.rand(()))
    seed_for_training(arguments(seed=seed + 1), 0)
    assert float(torch.rand(())) != first
