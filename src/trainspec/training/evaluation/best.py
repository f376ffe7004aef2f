"""Which evaluation was the best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainspec.training.errors import UnknownMetricError

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.state import TrainerState


def chosen_metric(args: TrainingArguments, metrics: Mapping[str, float], *, required: bool = True) -> float | None:
    """The value of metric_for_best_model, None where none is set (or, unless required, where it is not there)."""
    name = args.metric_for_best_model
    if name is None:
        return None
    key = name if name.startswith("eval_") else f"eval_{name}"
    if key not in metrics and not required:
        return None
    if key not in metrics:
        raise UnknownMetricError(
            f"metric_for_best_model = {name!r}, but evaluation returned {', '.join(sorted(metrics))}; "
            "set metric_for_best_model to one of these (the eval_ may be left out)"
        )
    value = metrics[key]
    if isinstance(value, Mapping | list | str | None):
        raise UnknownMetricError(
            f"metric_for_best_model = {name!r}, but evaluation returned {_described(value)} under that name, not a "
            "number; return the number by itself from compute_metrics, and name it"
        )
    return float(value)


def _described(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def scheduled_metric(args: TrainingArguments, metrics: Mapping[str, float]) -> float:
    """What a schedule follows: the metric of the best model, else eval_loss. Raises UnknownMetricError without it."""
    if args.metric_for_best_model is None and "eval_loss" not in metrics:
        raise UnknownMetricError(
            f"the schedule follows eval_loss, but evaluation returned {', '.join(sorted(metrics))}; "
            "set metric_for_best_model to one of these (the eval_ may be left out)"
        )
    chosen = chosen_metric(args, metrics)
    return float(metrics["eval_loss"]) if chosen is None else chosen


def improves(value: float, best: float | None, *, greater_is_better: bool) -> bool:
    """Nothing improves on a tie, and nan improves on nothing."""
    if math.isnan(value):
        return False
    return best is None or (value > best if greater_is_better else value < best)


def note(args: TrainingArguments, state: TrainerState, value: float) -> bool:
    """Keep the value in the state where it is the best so far; whether it was."""
    if not improves(value, state.best_metric, greater_is_better=bool(args.greater_is_better)):
        return False
    state.best_metric = value
    state.best_global_step = state.global_step
    return True
