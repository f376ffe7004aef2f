"""save_steps as a multiple of eval_steps is decided on the decimals people wrote, for every pair of intervals."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec import validate

counts = st.integers(1, 5000)
fractions = st.integers(1, 9999).map(lambda number: float(Decimal(number).scaleb(-4)))


def codes(save: float, evaluate: float) -> list[str]:
    document = {
        "load_best_model_at_end": True,
        "eval_strategy": "steps",
        "eval_steps": evaluate,
        "save_steps": save,
    }
    return [item.code for item in validate(document).diagnostics]


@given(st.one_of(st.tuples(counts, counts), st.tuples(fractions, fractions)))
def test_same_kind(pair: tuple[float, float]) -> None:
    save, evaluate = pair
    multiple = Fraction(repr(save)) % Fraction(repr(evaluate)) == 0
    assert codes(save, evaluate) == ([] if multiple else ["CKP104"])


@given(fractions.filter(lambda number: number < 0.5), st.integers(1, 20))
def test_multiples_are_recognised(evaluate: float, times: int) -> None:
    save = float(Decimal(repr(evaluate)) * times)
    if save < 1:
        assert codes(save, evaluate) == []


@given(counts, fractions)
def test_mixed_kinds(count: int, fraction: float) -> None:
    assert codes(count, fraction) == codes(fraction, count) == ["CKP105"]


@pytest.mark.parametrize(("save", "evaluate"), [(0.3, 0.1), (0.7, 0.1), (0.6, 0.2), (0.9, 0.3), (0.15, 0.05)])
def test_where_float_modulo_is_wrong(save: float, evaluate: float) -> None:
    assert save % evaluate != 0
    assert codes(save, evaluate) == []
