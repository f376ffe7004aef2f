"""CKP: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border(
        "CKP402",
        "model only",
        {"enable_jit_checkpoint": True, "save_only_model": True},
        {"enable_jit_checkpoint": True},
    ),
    Border(
        "CKP302",
        "the last one",
        {"save_strategy": "no", "save_total_limit": 2},
        {"save_strategy": "no", "save_total_limit": 2, "enable_jit_checkpoint": True},
    ),
    Border(
        "CKP101",
        "epoch against steps",
        {"load_best_model_at_end": True, "eval_strategy": "epoch"},
        {"load_best_model_at_end": True, "eval_strategy": "epoch", "save_strategy": "epoch"},
    ),
    Border("CKP101", "no evaluation", {"load_best_model_at_end": True}, {"load_best_model_at_end": False}),
    Border(
        "CKP101",
        "best is exempt",
        {"load_best_model_at_end": True, "eval_strategy": "epoch", "save_strategy": "no"},
        {"load_best_model_at_end": True, "eval_strategy": "epoch", "save_strategy": "best"},
    ),
    Border("CKP102", "zero", {"save_steps": 0}, {"save_steps": 1}),
    Border("CKP102", "other strategy", {"save_steps": 0}, {"save_steps": 0, "save_strategy": "epoch"}),
    Border("CKP103", "no evaluation", {"save_strategy": "best"}, {"save_strategy": "best", "eval_strategy": "epoch"}),
    Border(
        "CKP104",
        "counts",
        {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 200, "save_steps": 500},
        {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 200, "save_steps": 600},
    ),
    Border(
        "CKP104",
        "fractions",
        {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 0.1, "save_steps": 0.25},
        {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 0.1, "save_steps": 0.3},
    ),
    Border(
        "CKP104",
        "from logging_steps",
        {"load_best_model_at_end": True, "eval_strategy": "steps", "logging_steps": 300},
        {"load_best_model_at_end": True, "eval_strategy": "steps", "logging_steps": 250},
    ),
    Border(
        "CKP104",
        "seldom saves are fine, seldom evaluations are not",
        {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 1000},
        {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 1000, "save_steps": 2000},
    ),
    Border(
        "CKP105",
        "fraction of evaluations",
        {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 0.5, "save_steps": 1},
        {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 0.5, "save_steps": 0.5},
    ),
    Border(
        "CKP105",
        "fraction of saves",
        {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 10, "save_steps": 0.5},
        {"eval_strategy": "steps", "eval_steps": 10, "save_steps": 0.5},
    ),
    Border(
        "CKP106",
        "fsdp",
        {"save_only_model": True, "load_best_model_at_end": True, "eval_strategy": "steps", "fsdp": "full_shard"},
        {"save_only_model": True, "load_best_model_at_end": True, "eval_strategy": "steps"},
    ),
    Border(
        "CKP106",
        "deepspeed",
        {
            "save_only_model": True,
            "load_best_model_at_end": True,
            "eval_strategy": "steps",
            "deepspeed": {"zero_optimization": {"stage": 2}},
        },
        {"load_best_model_at_end": True, "eval_strategy": "steps", "deepspeed": {"zero_optimization": {"stage": 2}}},
    ),
    Border(
        "CKP107",
        "sharded",
        {"save_only_model": True, "fsdp": "full_shard", "fsdp_config": {"state_dict_type": "SHARDED_STATE_DICT"}},
        {"save_only_model": True, "fsdp": "full_shard", "fsdp_config": {"state_dict_type": "FULL_STATE_DICT"}},
    ),
    Border(
        "CKP301", "no saves", {"save_steps": 10, "save_strategy": "no"}, {"save_steps": 10, "save_strategy": "steps"}
    ),
    Border("CKP301", "epoch", {"save_steps": 10, "save_strategy": "epoch"}, {"save_strategy": "epoch"}),
    Border(
        "CKP302",
        "no saves",
        {"save_total_limit": 1, "save_strategy": "no"},
        {"save_total_limit": 1, "save_strategy": "epoch"},
    ),
    Border("CKP303", "no saves", {"save_only_model": True, "save_strategy": "no"}, {"save_only_model": True}),
    Border("CKP304", "no saves", {"save_failures_allowed": 1, "save_strategy": "no"}, {"save_failures_allowed": 1}),
    Border("CKP305", "no saves", {"save_in_background": True, "save_strategy": "no"}, {"save_in_background": True}),
    Border(
        "CKP401",
        "rounded up",
        {
            "load_best_model_at_end": True,
            "eval_strategy": "steps",
            "eval_steps": 0.1,
            "save_steps": 0.2,
            "max_steps": 15,
        },
        {
            "load_best_model_at_end": True,
            "eval_strategy": "steps",
            "eval_steps": 0.1,
            "save_steps": 0.2,
            "max_steps": 20,
        },
    ),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
