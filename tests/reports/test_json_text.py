"""Answers are the JSON that the standard library writes with two blanks a level, to the byte."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from trainspec.reports.json_text import json_text

TEXTS = st.text() | st.sampled_from(['"', "\\", "\u2028", "\x7f", "\ud800"])
PLAIN = st.none() | st.booleans() | st.integers() | TEXTS
VALUES = st.recursive(
    PLAIN | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.integers(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
@example([{}, [], [[]], {"a": {}}])
@example(({"a": (1, 2)}, {None: 1.5, True: float("inf")}))
def test_as_the_standard_library_writes_it(value: Any) -> None:
    plain = json.dumps({"version": 1, "value": value}, indent=2, ensure_ascii=False)
    assert json_text({"value": value}) == plain
