"""BST: what best means."""

from __future__ import annotations

from trainspec.settings.rules.effect import without_effect
from trainspec.settings.rules.predicates import all_of, any_of, equals, is_null, matches, negate, off, on
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.choices import IntervalStrategy, SaveStrategy, SchedulerType

_NEEDED = any_of(
    on("load_best_model_at_end"),
    equals("save_strategy", SaveStrategy.BEST),
    equals("lr_scheduler_type", SchedulerType.REDUCE_ON_PLATEAU),
)
_NEVER_EVALUATES = equals("eval_strategy", IntervalStrategy.NO)

# Names, with or without what they are of (eval_, dev/), of which nobody doubts the direction.
_OF = r"(?:[\w./-]*[_./-])?"
_SMALLER = matches(
    "metric_for_best_model",
    rf"[\w./-]*loss|{_OF}(?:perplexity|ppl|wer|cer|mse|rmse|mae|error|error_rate)",
    "a loss or an error",
)
_GREATER = matches(
    "metric_for_best_model",
    rf"{_OF}(?:accuracy|acc|f1|precision|recall|bleu|sacrebleu|rouge(?:[12L]|Lsum)?|auc|auroc|exact_match|mcc|iou|dice)",
    "an accuracy or a score",
)

RULES: tuple[Rule, ...] = (
    Rule(
        code="BST101",
        name="no-best-model",
        message="load_best_model_at_end needs evaluations, and checkpoints of them",
        reason="while eval_strategy and save_strategy are no, no model is evaluated and none is saved: the last "
        "one would pass for the best",
        fix="set eval_strategy and save_strategy to steps or epoch, or drop load_best_model_at_end",
        when=all_of(on("load_best_model_at_end"), _NEVER_EVALUATES, equals("save_strategy", SaveStrategy.NO)),
    ),
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
    Rule(
        code="BST401",
        name="direction-against-metric",
        message="greater_is_better says the opposite of what metric_for_best_model is",
        reason="of a loss or an error the smaller is the better one, of an accuracy or a score the greater; the other "
        "way round the worst model is kept as the best",
        fix="drop greater_is_better, or set it the other way round",
        when=all_of(
            any_of(_NEEDED, negate(_NEVER_EVALUATES)),
            any_of(
                all_of(on("greater_is_better"), any_of(_SMALLER, all_of(is_null("metric_for_best_model"), _NEEDED))),
                all_of(off("greater_is_better"), _GREATER),
            ),
        ),
        severity="warning",
    ),
)
