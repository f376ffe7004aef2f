"""BST: what best means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.settings.rules.effect import without_effect
from trainspec.settings.rules.predicates import all_of, any_of, equals, is_null, negate, on
from trainspec.settings.values.choices import IntervalStrategy, SaveStrategy, SchedulerType

if TYPE_CHECKING:
    from trainspec.settings.rules.rule import Rule

_NEEDED = any_of(
    on("load_best_model_at_end"),
    equals("save_strategy", SaveStrategy.BEST),
    equals("lr_scheduler_type", SchedulerType.REDUCE_ON_PLATEAU),
)
_NEVER_EVALUATES = equals("eval_strategy", IntervalStrategy.NO)

RULES: tuple[Rule, ...] = (
    without_effect(
        "BST301",
        "metric-without-evaluation",
        "metric_for_best_model",
        all_of(_NEVER_EVALUATES, negate(_NEEDED)),
        cause="while eval_strategy is no",
        because="without evaluations there is no metric to compare",
        fix="set eval_strategy: steps or epoch, or leave metric_for_best_model out",
    ),
    without_effect(
        "BST302",
        "direction-without-metric",
        "greater_is_better",
        all_of(negate(_NEEDED), any_of(is_null("metric_for_best_model"), _NEVER_EVALUATES)),
        when_off=True,
        cause="without a metric to compare",
        because="nothing asks which model is best: neither load_best_model_at_end, save_strategy best, "
        "reduce_lr_on_plateau nor an evaluated metric_for_best_model",
        fix="set metric_for_best_model and eval_strategy, or leave greater_is_better out",
    ),
    without_effect(
        "BST303",
        "best-model-without-checkpoints",
        "load_best_model_at_end",
        all_of(_NEVER_EVALUATES, equals("save_strategy", SaveStrategy.NO)),
        cause="without evaluations and checkpoints",
        because="no model is evaluated, and none is saved that could be loaded",
        fix="set eval_strategy, and save_strategy to the same",
    ),
)
