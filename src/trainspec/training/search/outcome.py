"""What a search compares and what it answers, in plain numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from trainspec.settings.values.choices import RayScope

DIRECTIONS = ("minimize", "maximize")
_BESIDES = ("_runtime", "_per_second", "_compilation_time")


class BestRun(NamedTuple):
    """A trial that won: the objective is one number, or one for each direction of a search with several."""

    run_id: str
    objective: float | Sequence[float]
    hyperparameters: dict[str, Any]
    run_summary: Any = None


def default_objective(metrics: Mapping[str, float]) -> float:
    """eval_loss where there is nothing else to judge by, else the sum of all other metrics, timings left out."""
    others = other_metrics(metrics)
    if others:
        return sum(metrics[name] for name in others)
    return metrics["eval_loss"]


def other_metrics(metrics: Mapping[str, float]) -> list[str]:
    """The metrics that judge a model, besides its loss."""
    beside = {"eval_loss", "epoch", "step"}
    return [
        name
        for name, value in metrics.items()
        if name not in beside and "_mem_" not in name and not name.endswith(_BESIDES) and isinstance(value, int | float)
    ]


def best_trial(histories: Mapping[str, Sequence[float]], scope: RayScope, direction: str) -> tuple[str, float]:
    """Of trials with every objective that each reported, in order: the best one, and the number it was judged by.

    ray_scope says which number that is: the `last` one, the best of `all`, the average (`avg`), or that of the last 5
    or 10. Trials that reported none, or whose number is nan or infinite, are out; of equals the first wins. Raises
    ValueError where none is left.
    """
    maximizes = direction == "maximize"
    judged = {name: _SCOPES[scope](values, maximizes) for name, values in histories.items() if values}
    finite = {name: score for name, score in judged.items() if math.isfinite(score)}
    if not finite:
        raise ValueError("no trial reported a finite objective")
    name = (max if maximizes else min)(finite, key=finite.__getitem__)
    return name, finite[name]


def _extreme(values: Sequence[float], maximizes: bool) -> float:
    known = [value for value in values if not math.isnan(value)]
    return (max if maximizes else min)(known, default=math.nan)


_SCOPES: dict[RayScope, Callable[[Sequence[float], bool], float]] = {
    RayScope.LAST: lambda values, maximizes: values[-1],
    RayScope.ALL: _extreme,
    RayScope.AVG: lambda values, maximizes: fmean(values),
    RayScope.LAST_5_AVG: lambda values, maximizes: fmean(values[-5:]),
    RayScope.LAST_10_AVG: lambda values, maximizes: fmean(values[-10:]),
}
