"""SCH: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border(
        "SCH101",
        "no evaluation",
        {"lr_scheduler_type": "reduce_lr_on_plateau"},
        {"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "epoch"},
    ),
    Border(
        "SCH101",
        "do_eval is too late",
        {"lr_scheduler_type": "reduce_lr_on_plateau", "do_eval": True},
        {"lr_scheduler_type": "linear", "do_eval": True},
    ),
    Border("SCH102", "one more", {"warmup_steps": 11, "max_steps": 10}, {"warmup_steps": 10, "max_steps": 10}),
    Border("SCH102", "epochs", {"warmup_steps": 11, "max_steps": 1}, {"warmup_steps": 11, "max_steps": -1}),
    Border(
        "SCH103",
        "none",
        {"lr_scheduler_type": "cosine_with_min_lr"},
        {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": 0}},
    ),
    Border(
        "SCH103",
        "warmup variant",
        {"lr_scheduler_type": "cosine_warmup_with_min_lr", "lr_scheduler_kwargs": {"num_cycles": 1}},
        {"lr_scheduler_type": "cosine_warmup_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0.1}},
    ),
    Border(
        "SCH103",
        "null",
        {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": None},
        {"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": None},
    ),
    Border(
        "SCH104",
        "both",
        {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": 0, "min_lr_rate": 0}},
        {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0}},
    ),
    Border(
        "SCH105",
        "none",
        {"lr_scheduler_type": "warmup_stable_decay"},
        {"lr_scheduler_type": "warmup_stable_decay", "lr_scheduler_kwargs": {"num_decay_steps": 1}},
    ),
    Border(
        "SCH106",
        "above",
        {"lr_scheduler_type": "cosine_with_min_lr", "learning_rate": 1e-3, "lr_scheduler_kwargs": {"min_lr": 1.1e-3}},
        {"lr_scheduler_type": "cosine_with_min_lr", "learning_rate": 1e-3, "lr_scheduler_kwargs": {"min_lr": 1e-3}},
    ),
    Border(
        "SCH107",
        "equal",
        {"lr_scheduler_type": "polynomial", "learning_rate": 1e-3, "lr_scheduler_kwargs": {"lr_end": 1e-3}},
        {"lr_scheduler_type": "polynomial", "learning_rate": 1e-3, "lr_scheduler_kwargs": {"lr_end": 9e-4}},
    ),
    Border(
        "SCH107",
        "default end",
        {"lr_scheduler_type": "polynomial", "learning_rate": 1e-7},
        {"lr_scheduler_type": "polynomial", "learning_rate": 1.1e-7},
    ),
    Border(
        "SCH108",
        "one more",
        {
            "lr_scheduler_type": "warmup_stable_decay",
            "max_steps": 10,
            "warmup_steps": 2,
            "lr_scheduler_kwargs": {"num_decay_steps": 9},
        },
        {
            "lr_scheduler_type": "warmup_stable_decay",
            "max_steps": 10,
            "warmup_steps": 2,
            "lr_scheduler_kwargs": {"num_decay_steps": 8},
        },
    ),
    Border(
        "SCH108",
        "stable too",
        {
            "lr_scheduler_type": "warmup_stable_decay",
            "max_steps": 10,
            "lr_scheduler_kwargs": {"num_decay_steps": 5, "num_stable_steps": 6},
        },
        {
            "lr_scheduler_type": "warmup_stable_decay",
            "lr_scheduler_kwargs": {"num_decay_steps": 5, "num_stable_steps": 6},
        },
    ),
    Border("SCH301", "both", {"warmup_ratio": 0.1, "warmup_steps": 1}, {"warmup_ratio": 0.1, "warmup_steps": 0}),
    Border("SCH301", "ratio zero", {"warmup_ratio": 0.1, "warmup_steps": 1}, {"warmup_ratio": 0, "warmup_steps": 1}),
    Border(
        "SCH302",
        "constant",
        {"lr_scheduler_type": "constant", "warmup_ratio": 0.1},
        {"lr_scheduler_type": "constant_with_warmup", "warmup_ratio": 0.1},
    ),
    Border(
        "SCH302",
        "schedule free",
        {"lr_scheduler_type": "constant", "warmup_ratio": 0.1, "optim": "schedule_free_radam"},
        {"lr_scheduler_type": "constant", "warmup_ratio": 0.1, "optim": "schedule_free_adamw"},
    ),
    Border(
        "SCH303",
        "constant",
        {"lr_scheduler_type": "constant", "warmup_steps": 1},
        {"lr_scheduler_type": "constant", "warmup_steps": 0},
    ),
    Border(
        "SCH303",
        "plateau",
        {"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "epoch", "warmup_steps": 1},
        {"lr_scheduler_type": "linear", "warmup_steps": 1},
    ),
    Border(
        "SCH304",
        "scheduler",
        {"lr_scheduler_type": "cosine", "deepspeed": {"scheduler": {"type": "WarmupLR"}}},
        {"lr_scheduler_type": "cosine", "deepspeed": {"optimizer": {"type": "AdamW"}}},
    ),
    Border(
        "SCH305",
        "scheduler",
        {
            "lr_scheduler_type": "cosine",
            "lr_scheduler_kwargs": {"num_cycles": 1.0},
            "deepspeed": {"scheduler": {"type": "WarmupLR"}},
        },
        {"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {}, "deepspeed": {"scheduler": {"type": "WarmupLR"}}},
    ),
    Border(
        "SCH401",
        "accuracy",
        {
            "lr_scheduler_type": "reduce_lr_on_plateau",
            "eval_strategy": "epoch",
            "metric_for_best_model": "accuracy",
            "lr_scheduler_kwargs": {"mode": "min"},
        },
        {
            "lr_scheduler_type": "reduce_lr_on_plateau",
            "eval_strategy": "epoch",
            "metric_for_best_model": "accuracy",
            "lr_scheduler_kwargs": {"mode": "max"},
        },
    ),
    Border(
        "SCH401",
        "loss by default",
        {"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "epoch", "lr_scheduler_kwargs": {"mode": "max"}},
        {"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "epoch", "lr_scheduler_kwargs": {"patience": 1}},
    ),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
