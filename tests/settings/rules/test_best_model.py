"""BST: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border(
        "BST301",
        "never evaluated",
        {"metric_for_best_model": "accuracy"},
        {"metric_for_best_model": "accuracy", "eval_strategy": "epoch"},
    ),
    Border(
        "BST302",
        "no metric",
        {"greater_is_better": True, "eval_strategy": "epoch"},
        {"greater_is_better": True, "eval_strategy": "epoch", "metric_for_best_model": "f1"},
    ),
    Border("BST302", "false too", {"greater_is_better": False}, {"greater_is_better": None}),
    Border(
        "BST302",
        "needed",
        {"greater_is_better": True},
        {"greater_is_better": True, "save_strategy": "best", "eval_strategy": "epoch"},
    ),
    Border(
        "BST303",
        "neither",
        {"load_best_model_at_end": True, "save_strategy": "no"},
        {"load_best_model_at_end": True, "save_strategy": "epoch", "eval_strategy": "epoch"},
    ),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
