"""Schedules by the names of transformers, at every update against a float64 formula and against theirs."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from trainspec.plan.batches import PlanError
from trainspec.settings.values.choices import SchedulerType
from trainspec.training import schedules
from trainspec.training.schedules.registry import RECIPES

TOTAL, WARMUP, PAST = 40, 6, 10
# Of the two groups of parameters, and of the optimizer.
RATES, MADE_WITH = (0.2, 0.05), 0.1

Factor = Callable[[int], float]


def _optimizer() -> torch.optim.Optimizer:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in RATES]
    return torch.optim.SGD(groups, lr=MADE_WITH)


def _rates(schedule: Any, updates: int = TOTAL + PAST) -> list[list[float]]:
    found = []
    for _ in range(updates):
        found.append([group["lr"] for group in schedule.optimizer.param_groups])
        schedule.optimizer.step()
        schedule.step()
    return found


def _warm(after: Callable[[float], float]) -> Factor:
    return lambda k: k / 6 if k < 6 else after((k - 6) / 34)


def _cos(part: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * part))


def _wsd(k: int) -> float:
    if k < 6:
        return 0.1 + 0.9 * (1 - math.sqrt(1 - k / 6))
    return 1.0 if k < 28 else 0.1 + 0.9 * (1 - (k - 28) / 12) if k < 40 else 0.1


BOTH = {"num_warmup_steps": WARMUP, "num_training_steps": TOTAL}
# The function, its name among the settings, arguments besides the counts, the formula.
CURVES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any], Factor]] = {
    "constant": ("get_constant_schedule", "constant", {}, {}, lambda k: 1.0),
    "constant_with_warmup": (
        "get_constant_schedule_with_warmup",
        "constant_with_warmup",
        {"num_warmup_steps": WARMUP},
        {},
        _warm(lambda p: 1.0),
    ),
    "linear": ("get_linear_schedule_with_warmup", "linear", BOTH, {}, _warm(lambda p: max(0.0, 1 - p))),
    "cosine": ("get_cosine_schedule_with_warmup", "cosine", BOTH, {}, _warm(_cos)),
    "cosine, waves": (
        "get_cosine_schedule_with_warmup",
        "cosine",
        BOTH,
        {"num_cycles": 1.5},
        _warm(lambda p: _cos(3 * p)),
    ),
    "restarts": (
        "get_cosine_with_hard_restarts_schedule_with_warmup",
        "cosine_with_restarts",
        BOTH,
        {"num_cycles": 3},
        _warm(lambda p: 0.0 if p >= 1 else _cos(3 * p % 1)),
    ),
    "polynomial": (
        "get_polynomial_decay_schedule_with_warmup",
        "polynomial",
        BOTH,
        {"lr_end": 0.01, "power": 2.0},
        _warm(lambda p: 0.1 + 0.9 * max(0.0, 1 - p) ** 2),
    ),
    "polynomial, a line": (
        "get_polynomial_decay_schedule_with_warmup",
        "polynomial",
        BOTH,
        {},
        _warm(lambda p: 1e-6 + (1 - 1e-6) * max(0.0, 1 - p)),
    ),
    "inverse_sqrt": (
        "get_inverse_sqrt_schedule",
        "inverse_sqrt",
        {"num_warmup_steps": WARMUP},
        {},
        lambda k: k / 6 if k < 6 else math.sqrt(6 / k),
    ),
    "inverse_sqrt, timescale": (
        "get_inverse_sqrt_schedule",
        "inverse_sqrt",
        {"num_warmup_steps": WARMUP},
        {"timescale": 20},
        lambda k: k / 6 if k < 6 else math.sqrt(20 / (k + 14)),
    ),
    "min_lr": (
        "get_cosine_with_min_lr_schedule_with_warmup",
        "cosine_with_min_lr",
        BOTH,
        {"min_lr": 0.02},
        _warm(lambda p: 0.2 + 0.8 * _cos(p)),
    ),
    "min_lr_rate": (
        "get_cosine_with_min_lr_schedule_with_warmup",
        "cosine_with_min_lr",
        BOTH,
        {"min_lr_rate": 0.3, "num_cycles": 1.0},
        _warm(lambda p: 0.3 + 0.7 * _cos(2 * p)),
    ),
    "warmup with min_lr": (
        "get_cosine_with_min_lr_schedule_with_warmup_lr_rate",
        "cosine_warmup_with_min_lr",
        BOTH,
        {"min_lr_rate": 0.3},
        lambda k: (k + 1) / 6 if k < 6 else 0.3 + 0.7 * _cos((k - 5) / 34),
    ),
    "warmup from a rate": (
        "get_cosine_with_min_lr_schedule_with_warmup_lr_rate",
        "cosine_warmup_with_min_lr",
        BOTH,
        {"min_lr": 0.03, "warmup_lr_rate": 0.5},
        lambda k: 0.5 + 0.5 * k / 5 if k < 6 else 0.3 + 0.7 * _cos((k - 5) / 34),
    ),
    "stable": (
        "get_wsd_schedule",
        "warmup_stable_decay",
        BOTH,
        {"num_decay_steps": 12, "min_lr_ratio": 0.1, "warmup_type": "1-sqrt", "decay_type": "linear"},
        _wsd,
    ),
    "stable for a number of updates": (
        "get_wsd_schedule",
        "warmup_stable_decay",
        {"num_warmup_steps": WARMUP},
        {"num_decay_steps": 10, "num_stable_steps": 4},
        lambda k: k / 6 if k < 6 else 1.0 if k < 10 else _cos((k - 10) / 10) if k < 20 else 0.0,
    ),
}


@pytest.mark.parametrize("name", CURVES)
def test_every_update(name: str) -> None:
    function, schedule_type, counts, kwargs, factor = CURVES[name]
    by_function = getattr(schedules, function)(_optimizer(), **counts, **kwargs)
    by_name = schedules.get_scheduler(schedule_type, _optimizer(), **counts, scheduler_specific_kwargs=kwargs)
    assert isinstance(by_function, LambdaLR)
    found = _rates(by_function)
    assert _rates(by_name) == found
    for k, rates in enumerate(found):
        expected = [rate * factor(k) for rate in RATES]
        assert rates == pytest.approx(expected, rel=1e-12, abs=1e-15), k


@pytest.mark.parametrize("name", CURVES)
def test_every_update_agrees_with_that_of_transformers(name: str) -> None:
    theirs = pytest.importorskip("transformers.optimization")
    function, _, counts, kwargs, _ = CURVES[name]
    expected = _rates(getattr(theirs, function)(_optimizer(), **counts, **kwargs))
    found = _rates(getattr(schedules, function)(_optimizer(), **counts, **kwargs))
    for k, (mine, right) in enumerate(zip(found, expected, strict=True)):
        assert mine == pytest.approx(right, rel=1e-12, abs=1e-15), k


@pytest.mark.parametrize("name", CURVES)
def test_last_epoch_starts_part_way(name: str) -> None:
    function, _, counts, kwargs, _ = CURVES[name]
    build = getattr(schedules, function)
    whole, optimizer = _rates(build(_optimizer(), **counts, **kwargs)), _optimizer()
    for group, rate in zip(optimizer.param_groups, RATES, strict=True):
        group["initial_lr"] = rate
    assert _rates(build(optimizer, **counts, **kwargs, last_epoch=8), 30) == whole[9:39]


@pytest.mark.parametrize("name", CURVES)
def test_state_is_numbers_and_goes_on(name: str) -> None:
    function, _, counts, kwargs, _ = CURVES[name]
    build = getattr(schedules, function)
    whole = _rates(build(_optimizer(), **counts, **kwargs))
    first, second = build(_optimizer(), **counts, **kwargs), build(_optimizer(), **counts, **kwargs)
    _rates(first, 11)
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    second.load_state_dict(first.state_dict())
    assert _rates(second, 20) == whole[11:31]


def test_plateau_falls_by_its_metric() -> None:
    schedule = schedules.get_scheduler(
        SchedulerType.REDUCE_ON_PLATEAU, _optimizer(), scheduler_specific_kwargs={"factor": 0.5, "patience": 1}
    )
    assert isinstance(schedule, ReduceLROnPlateau)
    for metric in (1.0, 1.0, 1.0, 0.1):
        schedule.step(metric)
    assert [group["lr"] for group in schedule.optimizer.param_groups] == [0.1, 0.025]
    assert isinstance(schedules.get_reduce_on_plateau_schedule(_optimizer(), patience=3), ReduceLROnPlateau)


def test_there_is_a_recipe_for_every_schedule_of_the_settings() -> None:
    assert list(RECIPES) == [str(item) for item in RECIPES]
    assert set(RECIPES) == {str(item) for item in SchedulerType}


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown": ("square", {}, "no schedule 'square'; known are linear, "),
    "no counts": ("linear", {}, "'linear' needs num_warmup_steps and num_training_steps"),
    "no total": ("cosine", {"num_warmup_steps": 1}, "'cosine' needs num_training_steps"),
    "no warmup": ("inverse_sqrt", {"num_training_steps": 1}, "'inverse_sqrt' needs num_warmup_steps"),
    "argument": (
        "linear",
        {**BOTH, "scheduler_specific_kwargs": {"power": 2}},
        "arguments of schedule 'linear'.*power",
    ),
    "of torch": ("reduce_lr_on_plateau", {"scheduler_specific_kwargs": {"power": 2}}, "'reduce_lr_on_plateau'.*power"),
    "no floor": ("cosine_with_min_lr", BOTH, "needs one of min_lr and min_lr_rate"),
    "no decay": ("warmup_stable_decay", BOTH, "num_decay_steps"),
    "no end": (
        "warmup_stable_decay",
        {"num_warmup_steps": 1, "scheduler_specific_kwargs": {"num_decay_steps": 3}},
        "needs one of num_training_steps and num_stable_steps",
    ),
    "end above the start": (
        "polynomial",
        {**BOTH, "scheduler_specific_kwargs": {"lr_end": MADE_WITH}},
        r"lr_end of 'polynomial' is 0.1, not below",
    ),
}


@pytest.mark.parametrize("name, told, message", REFUSED.values(), ids=REFUSED)
def test_refused(name: str, told: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        schedules.get_scheduler(name, _optimizer(), **told)


def test_counts_that_a_schedule_does_not_need_are_passed_over() -> None:
    for name in ("constant", "constant_with_warmup", "inverse_sqrt"):
        assert isinstance(schedules.get_scheduler(name, _optimizer(), 2, 10), LambdaLR)
