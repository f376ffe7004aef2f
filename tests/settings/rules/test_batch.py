"""BAT: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border(
        "BAT101",
        "differ",
        {"gradient_accumulation_steps": 2, "accelerator_config": {"gradient_accumulation_kwargs": {"num_steps": 4}}},
        {"gradient_accumulation_steps": 4, "accelerator_config": {"gradient_accumulation_kwargs": {"num_steps": 4}}},
    ),
    Border(
        "BAT101",
        "default",
        {"accelerator_config": {"gradient_accumulation_kwargs": {"num_steps": 4}}},
        {"accelerator_config": {"gradient_accumulation_kwargs": {"sync_each_batch": True}}},
    ),
    Border(
        "BAT301",
        "nothing evaluates",
        {"per_device_eval_batch_size": 4},
        {"per_device_eval_batch_size": 4, "eval_strategy": "epoch"},
    ),
    Border(
        "BAT301",
        "do_eval",
        {"per_device_eval_batch_size": 4, "do_eval": False},
        {"per_device_eval_batch_size": 4, "do_eval": True},
    ),
    Border(
        "BAT301",
        "on start",
        {"per_device_eval_batch_size": 4},
        {"per_device_eval_batch_size": 4, "eval_on_start": True},
    ),
    Border(
        "BAT301", "predict", {"per_device_eval_batch_size": 4}, {"per_device_eval_batch_size": 4, "do_predict": True}
    ),
    Border(
        "BAT302",
        "nothing evaluates",
        {"eval_accumulation_steps": 2},
        {"eval_accumulation_steps": 2, "do_predict": True},
    ),
    Border(
        "BAT303",
        "loss only",
        {"eval_accumulation_steps": 2, "do_eval": True, "prediction_loss_only": True},
        {"eval_accumulation_steps": 2, "do_eval": True},
    ),
    Border(
        "BAT303",
        "batch metrics",
        {"eval_accumulation_steps": 2, "do_eval": True, "batch_eval_metrics": True},
        {"eval_accumulation_steps": 2, "do_eval": True},
    ),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
