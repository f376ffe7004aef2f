"""EVL: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border(
        "EVL101",
        "zero",
        {"eval_strategy": "steps", "eval_steps": 0, "logging_steps": 0, "logging_strategy": "no"},
        {"eval_strategy": "steps", "eval_steps": 1, "logging_steps": 0, "logging_strategy": "no"},
    ),
    Border(
        "EVL402",
        "zero",
        {"eval_strategy": "steps", "eval_steps": 0, "logging_steps": 7},
        {"eval_strategy": "steps", "logging_steps": 7},
    ),
    Border("EVL402", "no strategy", {"eval_strategy": "steps", "eval_steps": 0}, {"eval_steps": 0}),
    Border(
        "EVL101",
        "from logging_steps",
        {"eval_strategy": "steps", "logging_steps": 0, "logging_strategy": "no"},
        {"eval_strategy": "steps", "logging_steps": 0, "logging_strategy": "no", "eval_steps": 0.1},
    ),
    Border(
        "EVL101",
        "other strategy",
        {"eval_strategy": "steps", "eval_steps": 0, "logging_steps": 0, "logging_strategy": "no"},
        {"eval_strategy": "epoch", "eval_steps": 0, "logging_steps": 0, "logging_strategy": "no"},
    ),
    Border(
        "EVL301", "epoch", {"eval_strategy": "epoch", "eval_steps": 10}, {"eval_strategy": "steps", "eval_steps": 10}
    ),
    Border("EVL301", "unset", {"eval_steps": 10}, {"eval_steps": None}),
    Border("EVL302", "no strategy", {"eval_delay": 1}, {"eval_delay": 1, "eval_strategy": "epoch"}),
    Border("EVL302", "zero waits for nothing", {"eval_delay": 0.5}, {"eval_delay": 0}),
    Border("EVL303", "false", {"eval_strategy": "epoch", "do_eval": False}, {"eval_strategy": "epoch"}),
    Border("EVL303", "nothing to stop", {"eval_strategy": "epoch", "do_eval": False}, {"do_eval": False}),
    Border(
        "EVL304",
        "nothing evaluates",
        {"eval_do_concat_batches": False},
        {"eval_do_concat_batches": False, "do_eval": True},
    ),
    Border("EVL304", "true too", {"eval_do_concat_batches": True}, {}),
    Border(
        "EVL305",
        "loss only",
        {"eval_do_concat_batches": False, "do_eval": True, "prediction_loss_only": True},
        {"eval_do_concat_batches": False, "do_eval": True},
    ),
    Border(
        "EVL306",
        "nothing evaluates",
        {"eval_use_gather_object": True},
        {"eval_use_gather_object": True, "do_predict": True},
    ),
    Border(
        "EVL307", "nothing evaluates", {"prediction_loss_only": True}, {"prediction_loss_only": True, "do_eval": True}
    ),
    Border("EVL308", "nothing evaluates", {"batch_eval_metrics": True}, {"batch_eval_metrics": True, "do_eval": True}),
    Border(
        "EVL309",
        "loss only",
        {"batch_eval_metrics": True, "do_eval": True, "prediction_loss_only": True},
        {"batch_eval_metrics": True, "do_eval": True},
    ),
    Border(
        "EVL310", "nothing evaluates", {"include_for_metrics": ["loss"]}, {"include_for_metrics": [], "do_eval": False}
    ),
    Border(
        "EVL311",
        "loss only",
        {"include_for_metrics": ["loss"], "do_eval": True, "prediction_loss_only": True},
        {"include_for_metrics": ["loss"], "do_eval": True},
    ),
    Border(
        "EVL401",
        "updates",
        {"eval_strategy": "steps", "eval_delay": 101, "max_steps": 100},
        {"eval_strategy": "steps", "eval_delay": 100, "max_steps": 100},
    ),
    Border(
        "EVL401",
        "epochs",
        {"eval_strategy": "epoch", "eval_delay": 2.5, "num_train_epochs": 2},
        {"eval_strategy": "epoch", "eval_delay": 2, "num_train_epochs": 2},
    ),
    Border(
        "EVL401",
        "units differ",
        {"eval_strategy": "epoch", "eval_delay": 4},
        {"eval_strategy": "steps", "eval_delay": 4},
    ),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
