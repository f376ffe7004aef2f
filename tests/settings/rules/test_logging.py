"""LOG: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border(
        "LOG103",
        "true",
        {"trackio_static_space_id": True, "report_to": "trackio"},
        {"trackio_static_space_id": False, "report_to": "trackio"},
    ),
    Border(
        "LOG306",
        "no Space",
        {"trackio_bucket_id": "a/b", "report_to": "trackio", "trackio_space_id": None},
        {"trackio_bucket_id": "a/b", "report_to": "trackio"},
    ),
    Border(
        "LOG307",
        "no trackio",
        {"trackio_static_space_id": "a/b", "report_to": "wandb"},
        {"trackio_static_space_id": "a/b", "report_to": "all"},
    ),
    Border("LOG101", "zero", {"logging_steps": 0}, {"logging_steps": 1}),
    Border("LOG101", "other strategy", {"logging_steps": 0}, {"logging_steps": 0, "logging_strategy": "no"}),
    Border("LOG102", "none with a name", {"report_to": ["none", "wandb"]}, {"report_to": ["wandb"]}),
    Border("LOG102", "all with a name", {"report_to": ["all", "wandb"]}, {"report_to": ["all"]}),
    Border("LOG102", "all with none", {"report_to": ["all", "none"]}, {"report_to": "none"}),
    Border("LOG301", "epoch", {"logging_steps": 10, "logging_strategy": "epoch"}, {"logging_steps": 10}),
    Border(
        "LOG301",
        "evaluation takes it",
        {"logging_steps": 10, "logging_strategy": "no", "eval_strategy": "steps", "eval_steps": 5},
        {"logging_steps": 10, "logging_strategy": "no", "eval_strategy": "steps"},
    ),
    Border(
        "LOG302",
        "other tracker",
        {"logging_dir": "x", "report_to": "wandb"},
        {"logging_dir": "x", "report_to": ["wandb", "tensorboard"]},
    ),
    Border("LOG302", "all", {"logging_dir": "x", "report_to": "none"}, {"logging_dir": "x"}),
    Border("LOG303", "none", {"run_name": "x", "report_to": "none"}, {"run_name": "x", "report_to": "jsonl"}),
    Border("LOG303", "empty list", {"run_name": "x", "report_to": []}, {"run_name": None, "report_to": []}),
    Border(
        "LOG304",
        "none has one",
        {"project": "x", "report_to": ["jsonl", "tensorboard"]},
        {"project": "x", "report_to": ["jsonl", "mlflow"]},
    ),
    Border(
        "LOG305",
        "other tracker",
        {"trackio_space_id": "a/b", "report_to": "wandb"},
        {"trackio_space_id": None, "report_to": "wandb"},
    ),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
