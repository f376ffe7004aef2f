"""Numbers as people read them."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec.text.numbers import readable

SHOWN: list[tuple[Any, str]] = [
    (2733, "2,733"),
    (33810.4, "33,810"),
    (12463.2, "12,463"),
    (1000.0, "1,000"),
    (999.96, "1000"),
    (0.66666, "0.6667"),
    (5e-05, "5e-05"),
    (0.0, "0"),
    (-1234.5, "-1,234"),
    (2e-10, "2e-10"),
    (1e20, "1e+20"),
    (math.nan, "nan"),
    (-math.inf, "-inf"),
    (True, "True"),
    ("word", "word"),
    (None, "None"),
]


@pytest.mark.parametrize(("value", "text"), SHOWN)
def test_shown(value: Any, text: str) -> None:
    assert readable(value) == text


@given(st.floats(min_value=-1e15, max_value=1e15, exclude_max=True, exclude_min=True))
def test_it_is_near_and_without_exponent_from_a_thousand_on(value: float) -> None:
    text = readable(value)
    assert math.isclose(float(text.replace(",", "")), value, rel_tol=1e-3)
    assert "e" not in text or abs(value) < 1000
