"""EVL: when evaluation runs, and what it keeps."""

from __future__ import annotations

from typing import Any

from trainspec.settings.rules.effect import NO_PREDICTION, UNLESS_CALLED, without_effect
from trainspec.settings.rules.predicates import above, all_of, any_of, equals, negate, off, on, one_of
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.choices import IntervalStrategy

_BY_STEPS = equals("eval_strategy", IntervalStrategy.STEPS)
_NEVER = equals("eval_strategy", IntervalStrategy.NO)
_SWITCH_ON = "set eval_strategy (or do_eval, do_predict), or leave {} out"


def _delay_beyond_the_end(settings: Any) -> str | None:
    delay = settings.eval_delay
    if settings.eval_strategy == IntervalStrategy.STEPS and 0 < settings.max_steps < delay:
        return f"eval_delay ({delay:g} updates) is more than max_steps ({settings.max_steps})"
    by_epoch = settings.eval_strategy == IntervalStrategy.EPOCH and settings.max_steps <= 0
    if by_epoch and settings.num_train_epochs < delay:
        return f"eval_delay ({delay:g} epochs) is more than num_train_epochs ({settings.num_train_epochs:g})"
    return None


RULES: tuple[Rule, ...] = (
    Rule(
        code="EVL101",
        name="eval-interval-zero",
        message="eval_strategy steps needs eval_steps (or, where unset or 0, logging_steps) above 0",
        reason="every 0 updates is never",
        fix="set eval_steps to a count of updates or a fraction of all, or eval_strategy: no",
        when=all_of(
            _BY_STEPS,
            one_of("eval_steps", None, 0),
            equals("logging_steps", 0),
        ),
    ),
    without_effect(
        "EVL301",
        "eval-steps-under-other-strategy",
        "eval_steps",
        negate(_BY_STEPS),
        cause="unless eval_strategy is steps",
        because="only that strategy counts updates",
        fix="set eval_strategy: steps, or leave eval_steps out",
    ),
    without_effect(
        "EVL302",
        "eval-delay-without-evaluation",
        "eval_delay",
        all_of(_NEVER, above("eval_delay", 0)),
        cause="while eval_strategy is no",
        because="no evaluation runs during training that could wait",
        fix="set eval_strategy: steps or epoch, or leave eval_delay out",
    ),
    Rule(
        code="EVL303",
        name="do-eval-false-with-eval-strategy",
        message="do_eval false does not stop the evaluations that eval_strategy asks for",
        reason="do_eval is the evaluation after training; during training, eval_strategy alone decides",
        fix="set eval_strategy: no for no evaluations, or leave do_eval out",
        when=all_of(off("do_eval"), negate(_NEVER)),
        severity="warning",
    ),
    without_effect(
        "EVL304",
        "concat-without-evaluation",
        "eval_do_concat_batches",
        NO_PREDICTION,
        when_off=True,
        cause="without evaluation",
        because=UNLESS_CALLED,
        severity="note",
        fix=_SWITCH_ON.format("eval_do_concat_batches"),
    ),
    without_effect(
        "EVL305",
        "concat-without-predictions",
        "eval_do_concat_batches",
        any_of(on("prediction_loss_only"), on("batch_eval_metrics")),
        when_off=True,
        cause="while no predictions are kept",
        because="under prediction_loss_only or batch_eval_metrics there are none to join",
        fix="leave eval_do_concat_batches out, or keep predictions",
    ),
    without_effect(
        "EVL306",
        "gather-object-without-evaluation",
        "eval_use_gather_object",
        NO_PREDICTION,
        cause="without evaluation",
        because=UNLESS_CALLED,
        severity="note",
        fix=_SWITCH_ON.format("eval_use_gather_object"),
    ),
    without_effect(
        "EVL307",
        "loss-only-without-evaluation",
        "prediction_loss_only",
        NO_PREDICTION,
        cause="without evaluation",
        because=UNLESS_CALLED,
        severity="note",
        fix=_SWITCH_ON.format("prediction_loss_only"),
    ),
    without_effect(
        "EVL308",
        "batch-metrics-without-evaluation",
        "batch_eval_metrics",
        NO_PREDICTION,
        cause="without evaluation",
        because=UNLESS_CALLED,
        severity="note",
        fix=_SWITCH_ON.format("batch_eval_metrics"),
    ),
    without_effect(
        "EVL309",
        "batch-metrics-without-predictions",
        "batch_eval_metrics",
        on("prediction_loss_only"),
        cause="under prediction_loss_only",
        because="compute_metrics is not called when only the loss is kept",
        fix="drop one of the two",
    ),
    without_effect(
        "EVL310",
        "metric-inputs-without-evaluation",
        "include_for_metrics",
        NO_PREDICTION,
        cause="without evaluation",
        because=UNLESS_CALLED,
        severity="note",
        fix=_SWITCH_ON.format("include_for_metrics"),
    ),
    without_effect(
        "EVL311",
        "metric-inputs-without-predictions",
        "include_for_metrics",
        on("prediction_loss_only"),
        cause="under prediction_loss_only",
        because="compute_metrics is not called when only the loss is kept",
        fix="drop one of the two",
    ),
    Rule(
        code="EVL402",
        name="eval-interval-of-logging",
        message="eval_steps 0 means the interval of logging_steps",
        reason="every 0 updates is never, and transformers has always taken logging_steps in its place",
        fix="leave eval_steps out, or set it to a count of updates or a fraction of all",
        when=all_of(_BY_STEPS, equals("eval_steps", 0), above("logging_steps", 0)),
        severity="warning",
    ),
    Rule(
        code="EVL401",
        name="eval-delay-beyond-the-end",
        message="eval_delay is longer than the run",
        reason="the run would end without a single evaluation",
        fix="lower eval_delay, or set eval_strategy: no",
        when=all_of(above("eval_delay", 0), negate(_NEVER)),
        check=_delay_beyond_the_end,
        also=("max_steps", "num_train_epochs"),
        severity="warning",
    ),
)
