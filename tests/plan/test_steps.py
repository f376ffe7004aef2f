"""Promise: decimals count as they are written, never as their binary neighbours."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec.plan.batches import PlanError
from trainspec.plan.steps import (
    epochs_touched,
    interval_updates,
    total_updates,
    warmup_updates,
)

TENTHS = st.integers(1, 9999)


def _ceiling(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_CEILING))


@given(hundredths=st.integers(0, 100_000), updates=st.integers(1, 10**9))
def test_epochs_are_exact(hundredths: int, updates: int) -> None:
    written = Decimal(hundredths) / 100
    assert total_updates(-1, float(written), updates) == _ceiling(written * updates)


@given(thousandths=st.integers(1, 999), total=st.integers(1, 10**12))
def test_shares_are_exact(thousandths: int, total: int) -> None:
    written = Decimal(thousandths) / 1000
    assert interval_updates(float(written), total) == _ceiling(written * total)
    assert warmup_updates(0, float(written), total) == _ceiling(written * total)


# In float arithmetic each of these comes out one too high.
@pytest.mark.parametrize(("epochs", "updates", "expected"), [(1.1, 10, 11), (2.3, 100, 230), (0.07, 100, 7)])
def test_where_floats_go_wrong(epochs: float, updates: int, expected: int) -> None:
    assert total_updates(-1, epochs, updates) == expected


@pytest.mark.parametrize(
    ("max_steps", "epochs", "updates", "expected"),
    [
        (-1, 3.0, 625, 1875),
        (0, 3.0, 625, 1875),
        (1, 3.0, 625, 1),
        (10_000, 3.0, 625, 10_000),
        (-1, 0.0, 625, 0),
        (-1, 1e-05, 625, 1),
        (7, 3.0, None, 7),
    ],
)
def test_total(max_steps: int, epochs: float, updates: int | None, expected: int) -> None:
    assert total_updates(max_steps, epochs, updates) == expected


def test_what_cannot_be_counted() -> None:
    with pytest.raises(PlanError, match="set max_steps"):
        total_updates(-1, 3.0, None)
    with pytest.raises(PlanError, match="no training data"):
        total_updates(5, 3.0, 0)


@pytest.mark.parametrize(
    ("total", "updates", "expected"),
    [(1875, 625, 3), (1876, 625, 4), (1, 625, 1), (0, 625, 0), (5, None, None), (0, 0, 0)],
)
def test_epochs_touched(total: int, updates: int | None, expected: int | None) -> None:
    assert epochs_touched(total, updates) == expected


def test_counts_and_warmup_steps_win() -> None:
    assert interval_updates(7, 1000) == 7
    assert warmup_updates(3, 0.5, 1000) == 3
    assert warmup_updates(0, 1.0, 1000) == 1000
