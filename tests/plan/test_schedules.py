"""Promise: every schedule follows its published formula at every update, written here a second time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec.plan.batches import PlanError
from trainspec.plan.schedules import SCHEDULES, is_planned, multiplier

if TYPE_CHECKING:
    from collections.abc import Callable

TOTAL, WARMUP, RATE = 100, 10, 2e-4
PI = math.pi


def _p(k: int) -> float:
    return (k - 10) / 90


def _poly(k: int) -> float:
    return ((2e-4 - 1e-5) * (1 - _p(k)) ** 2 + 1e-5) / 2e-4


def _wsd(k: int) -> float:
    if k < 70:
        return 1.0
    return 0.1 + 0.9 * (1 - math.sqrt((k - 70) / 30)) if k < 100 else 0.1


# After the warmup; each with arguments that are not the defaults, and with the defaults.
AFTER: dict[str, tuple[str, dict[str, Any], Callable[[int], float]]] = {
    "linear": ("linear", {}, lambda k: (100 - k) / 90),
    "cosine": ("cosine", {}, lambda k: 0.5 + 0.5 * math.cos(PI * _p(k))),
    "cosine, 2 waves": ("cosine", {"num_cycles": 2.0}, lambda k: 0.5 + 0.5 * math.cos(4 * PI * _p(k))),
    "restarts": ("cosine_with_restarts", {}, lambda k: 0.5 + 0.5 * math.cos(PI * _p(k))),
    "3 restarts": (
        "cosine_with_restarts",
        {"num_cycles": 3},
        lambda k: 0.5 + 0.5 * math.cos(PI * ((k - 10) % 30) / 30),
    ),
    "polynomial": ("polynomial", {}, lambda k: (1 - 1e-7 / 2e-4) * (1 - _p(k)) + 1e-7 / 2e-4),
    "polynomial, square": ("polynomial", {"power": 2.0, "lr_end": 1e-5}, _poly),
    "constant_with_warmup": ("constant_with_warmup", {}, lambda k: 1.0),
    "inverse_sqrt": ("inverse_sqrt", {}, lambda k: math.sqrt(10 / k)),
    "inverse_sqrt, timescale": ("inverse_sqrt", {"timescale": 40}, lambda k: math.sqrt(40 / (k + 30))),
    "min_lr": (
        "cosine_with_min_lr",
        {"min_lr": 5e-5},
        lambda k: 0.25 + 0.75 * (0.5 + 0.5 * math.cos(PI * _p(k))),
    ),
    "min_lr_rate, 1 wave": (
        "cosine_with_min_lr",
        {"min_lr_rate": 0.1, "num_cycles": 1.0},
        lambda k: 0.1 + 0.9 * (0.5 + 0.5 * math.cos(2 * PI * _p(k))),
    ),
    "warmup with min_lr": (
        "cosine_warmup_with_min_lr",
        {"min_lr_rate": 0.1},
        lambda k: 0.1 + 0.9 * (0.5 + 0.5 * math.cos(PI * (k - 9) / 90)),
    ),
    "stable, 1-sqrt": (
        "warmup_stable_decay",
        {"num_decay_steps": 30, "decay_type": "1-sqrt", "min_lr_ratio": 0.1},
        _wsd,
    ),
    "stable, short": (
        "warmup_stable_decay",
        {"num_decay_steps": 30, "num_stable_steps": 20, "decay_type": "linear"},
        lambda k: 1.0 if k < 30 else max(0.0, 1 - (k - 30) / 30),
    ),
    "stable, cosine": (
        "warmup_stable_decay",
        {"num_decay_steps": 90},
        lambda k: 0.5 + 0.5 * math.cos(PI * _p(k)),
    ),
}

# During the warmup.
BEFORE: dict[str, tuple[str, dict[str, Any], Callable[[int], float]]] = {
    **{
        name: (name, {}, lambda k: k / 10)
        for name in ("linear", "cosine", "cosine_with_restarts", "polynomial", "constant_with_warmup")
    },
    "inverse_sqrt": ("inverse_sqrt", {"timescale": 3}, lambda k: k / 10),
    "min_lr": ("cosine_with_min_lr", {"min_lr_rate": 0.3}, lambda k: k / 10),
    "constant has none": ("constant", {}, lambda k: 1.0),
    "one ahead": ("cosine_warmup_with_min_lr", {"min_lr": 1e-5}, lambda k: (k + 1) / 10),
    "from a rate": (
        "cosine_warmup_with_min_lr",
        {"min_lr": 1e-5, "warmup_lr_rate": 0.1},
        lambda k: 0.1 + 0.9 * k / 9,
    ),
    "stable": ("warmup_stable_decay", {"num_decay_steps": 5}, lambda k: k / 10),
    "stable, cosine from a floor": (
        "warmup_stable_decay",
        {"num_decay_steps": 5, "warmup_type": "cosine", "min_lr_ratio": 0.2},
        lambda k: 0.2 + 0.8 * (0.5 - 0.5 * math.cos(PI * k / 10)),
    ),
    "stable, 1-sqrt": (
        "warmup_stable_decay",
        {"num_decay_steps": 5, "warmup_type": "1-sqrt"},
        lambda k: 1 - math.sqrt(1 - k / 10),
    ),
}


def _factor(name: str, kwargs: dict[str, Any], **changes: Any) -> Callable[[int], float]:
    known: dict[str, Any] = {"total_updates": TOTAL, "warmup_updates": WARMUP, "learning_rate": RATE}
    return multiplier(name, **(known | changes), kwargs=kwargs)


@pytest.mark.parametrize(("name", "kwargs", "formula"), AFTER.values(), ids=AFTER)
def test_after_warmup(name: str, kwargs: dict[str, Any], formula: Callable[[int], float]) -> None:
    factor = _factor(name, kwargs)
    for k in range(WARMUP, TOTAL):
        assert factor(k) == pytest.approx(formula(k), rel=1e-12, abs=1e-15), k


@pytest.mark.parametrize(("name", "kwargs", "formula"), BEFORE.values(), ids=BEFORE)
def test_during_warmup(name: str, kwargs: dict[str, Any], formula: Callable[[int], float]) -> None:
    factor = _factor(name, kwargs)
    for k in range(WARMUP):
        assert factor(k) == pytest.approx(formula(k), rel=1e-12, abs=1e-15), k


AT_THE_END = {
    "linear": (0.0, 0.0),
    "cosine": (0.0, None),
    "cosine_with_restarts": (0.0, 0.0),
    "polynomial": (1e-7 / RATE, 1e-7 / RATE),
    "constant": (1.0, 1.0),
    "constant_with_warmup": (1.0, 1.0),
    "inverse_sqrt": (math.sqrt(10 / 100), math.sqrt(10 / 150)),
    "cosine_with_min_lr": (0.5, None),
    "cosine_warmup_with_min_lr": (None, None),
    "warmup_stable_decay": (0.0, 0.0),
}
NEEDED: dict[str, dict[str, Any]] = {
    "cosine_with_min_lr": {"min_lr_rate": 0.5},
    "cosine_warmup_with_min_lr": {"min_lr_rate": 0.5},
    "warmup_stable_decay": {"num_decay_steps": 20},
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_at_and_past_the_end(name: str) -> None:
    factor = _factor(name, NEEDED.get(name, {}))
    for k, expected in zip((TOTAL, TOTAL + 50), AT_THE_END[name], strict=True):
        if expected is not None:
            assert factor(k) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("name", SCHEDULES)
@given(total=st.integers(0, 60), warmup=st.integers(0, 80), rate=st.sampled_from([0.0, 1e-6, 5e-5, 1.0]))
def test_no_run_is_too_odd(name: str, total: int, warmup: int, rate: float) -> None:
    factor = _factor(name, NEEDED.get(name, {}), total_updates=total, warmup_updates=warmup, learning_rate=rate)
    for k in range(total + 2):
        assert 0.0 <= factor(k) <= 1.0 + 1e-12


def test_the_registry_knows_every_schedule_but_the_one_that_evaluations_drive() -> None:
    from trainspec.settings.values.choices import SchedulerType

    assert set(SCHEDULES) | {"reduce_lr_on_plateau"} == {str(item) for item in SchedulerType}
    assert is_planned(SchedulerType.COSINE)
    assert not is_planned("reduce_lr_on_plateau")


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "plateau": ("reduce_lr_on_plateau", {}, "no function of the update"),
    "unknown argument": ("linear", {"num_cycles": 2}, "'linear'.*num_cycles"),
    "missing argument": ("warmup_stable_decay", {}, "'warmup_stable_decay'.*num_decay_steps"),
    "no floor": ("cosine_with_min_lr", {}, "needs one of min_lr and min_lr_rate"),
    "two floors": ("cosine_with_min_lr", {"min_lr": 0.0, "min_lr_rate": 0.0}, "only one"),
    "end above start": ("polynomial", {"lr_end": 2e-4}, "not below learning_rate"),
    "shape": ("warmup_stable_decay", {"num_decay_steps": 1, "decay_type": "sqrt"}, "not one of linear, cos"),
}


@pytest.mark.parametrize(("name", "kwargs", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(name: str, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        _factor(name, kwargs)
