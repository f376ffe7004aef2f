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
        "BST101",
        "neither",
        {"load_best_model_at_end": True, "save_strategy": "no"},
        {"load_best_model_at_end": True, "save_strategy": "epoch", "eval_strategy": "epoch"},
    ),
    Border("BST101", "not asked for", {"load_best_model_at_end": True, "save_strategy": "no"}, {"save_strategy": "no"}),
    *(
        Border(
            "BST401",
            f"{right} for {metric}",
            {"metric_for_best_model": metric, "eval_strategy": "epoch", "greater_is_better": not right},
            {"metric_for_best_model": metric, "eval_strategy": "epoch", "greater_is_better": right},
        )
        for metric, right in {
            "eval_loss": False,
            "loss": False,
            "eval_dev/my_loss": False,
            "wer": False,
            "eval_perplexity": False,
            "accuracy": True,
            "eval_macro_f1": True,
            "rougeL": True,
        }.items()
    ),
    Border(
        "BST401",
        "the loss, where nothing else is named",
        {"load_best_model_at_end": True, "eval_strategy": "steps", "greater_is_better": True},
        {"load_best_model_at_end": True, "eval_strategy": "steps", "greater_is_better": False},
    ),
    Border(
        "BST401",
        "a name that nobody knows",
        {"metric_for_best_model": "loss", "eval_strategy": "epoch", "greater_is_better": True},
        {"metric_for_best_model": "glossiness", "eval_strategy": "epoch", "greater_is_better": True},
    ),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
