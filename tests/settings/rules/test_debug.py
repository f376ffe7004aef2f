"""DBG: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border("DBG301", "no cores", {"debug": "tpu_metrics_debug"}, {"debug": "tpu_metrics_debug", "tpu_num_cores": 8}),
    Border(
        "DBG301", "other aid", {"debug": ["underflow_overflow", "tpu_metrics_debug"]}, {"debug": ["underflow_overflow"]}
    ),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
