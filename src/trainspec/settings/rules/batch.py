"""BAT: batches and accumulation."""

from __future__ import annotations

from typing import Any

from trainspec.settings.rules.effect import NO_PREDICTION, UNLESS_CALLED, without_effect
from trainspec.settings.rules.predicates import any_of, differs, on
from trainspec.settings.rules.rule import Rule

_NUM_STEPS = "accelerator_config.gradient_accumulation_kwargs.num_steps"


def _two_accumulations(settings: Any) -> str:
    kwargs = settings.accelerator_config.gradient_accumulation_kwargs
    return (
        f"gradient_accumulation_steps is {settings.gradient_accumulation_steps}, but num_steps of "
        f"accelerator_config.gradient_accumulation_kwargs is {kwargs.num_steps}"
    )


RULES: tuple[Rule, ...] = (
    Rule(
        code="BAT101",
        name="two-accumulation-lengths",
        message="gradient_accumulation_steps and num_steps of accelerator_config disagree",
        reason="both are the number of micro-batches per update",
        fix="set gradient_accumulation_steps, and drop num_steps",
        when=differs(_NUM_STEPS, "gradient_accumulation_steps"),
        tell=_two_accumulations,
    ),
    without_effect(
        "BAT301",
        "eval-batch-without-evaluation",
        "per_device_eval_batch_size",
        NO_PREDICTION,
        cause="without evaluation",
        because=UNLESS_CALLED,
        severity="note",
        fix="set eval_strategy (or do_eval, do_predict), or leave per_device_eval_batch_size out",
    ),
    without_effect(
        "BAT302",
        "eval-accumulation-without-evaluation",
        "eval_accumulation_steps",
        NO_PREDICTION,
        cause="without evaluation",
        because=UNLESS_CALLED,
        severity="note",
        fix="set eval_strategy (or do_eval, do_predict), or leave eval_accumulation_steps out",
    ),
    without_effect(
        "BAT303",
        "eval-accumulation-without-predictions",
        "eval_accumulation_steps",
        any_of(on("prediction_loss_only"), on("batch_eval_metrics")),
        cause="while no predictions are kept",
        because="under prediction_loss_only or batch_eval_metrics there are none to move to the CPU",
        fix="leave eval_accumulation_steps out, or keep predictions",
    ),
)
