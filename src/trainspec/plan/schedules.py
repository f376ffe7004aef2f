"""The learning rate as a pure function of the update.

Each function gives the factor on `learning_rate` after `k` steps of the schedule (k = 0: the first update).
The formulas are those that the schedules of the same names in Hugging Face transformers 4.57 have, arguments
and defaults included; `reduce_lr_on_plateau` is missing, because there evaluations decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from trainspec.plan.batches import PlanError


@dataclass(frozen=True)
class Span:
    """What every schedule is told: updates in all and of warmup, and the rate that the factors multiply."""

    total: int
    warmup: int
    learning_rate: float

    def rising(self, k: int) -> float | None:
        """The straight rise from 0 during warmup, None after it."""
        return k / self.warmup if k < self.warmup else None

    def progress(self, k: int, ahead: int = 0) -> float:
        """The share of the updates after warmup that is through: 0 at its end, 1 at the end of the run."""
        return (k - self.warmup + ahead) / max(1, self.total - self.warmup)

    def share(self, rate: float) -> float:
        """An absolute learning rate as a factor; when all is multiplied by 0 the factor does not matter."""
        return rate / self.learning_rate if self.learning_rate else 0.0


Factor = Callable[[int], float]


def _constant(k: int) -> float:
    return 1.0


def _constant_with_warmup(span: Span, k: int) -> float:
    rise = span.rising(k)
    return 1.0 if rise is None else rise


def _linear(span: Span, k: int) -> float:
    rise = span.rising(k)
    return max(0.0, (span.total - k) / max(1, span.total - span.warmup)) if rise is None else rise


def _cosine(span: Span, cycles: float, k: int) -> float:
    rise = span.rising(k)
    return max(0.0, _wave(cycles, span.progress(k))) if rise is None else rise


def _cosine_with_restarts(span: Span, cycles: float, k: int) -> float:
    rise = span.rising(k)
    if rise is not None:
        return rise
    through = span.progress(k)
    return 0.0 if through >= 1 else max(0.0, _wave(0.5, (cycles * through) % 1.0))


def _polynomial(span: Span, end: float, power: float, k: int) -> float:
    rise = span.rising(k)
    if rise is not None:
        return rise
    return end if k > span.total else (1.0 - end) * (1.0 - span.progress(k)) ** power + end


def _inverse_sqrt(span: Span, scale: int, k: int) -> float:
    rise = span.rising(k)
    return 1.0 / math.sqrt((k - span.warmup + scale) / scale) if rise is None else rise


def _cosine_to_floor(span: Span, floor: float, cycles: float, k: int) -> float:
    rise = span.rising(k)
    return max(0.0, _above(floor, _wave(cycles, span.progress(k)))) if rise is None else rise


def _cosine_from_rate(span: Span, floor: float, cycles: float, warmup_lr_rate: float | None, k: int) -> float:
    if k >= span.warmup:
        return max(0.0, _above(floor, _wave(cycles, span.progress(k, ahead=1))))
    if warmup_lr_rate is None:
        return (k + 1) / span.warmup
    return _above(warmup_lr_rate, k / max(1, span.warmup - 1))


@dataclass(frozen=True)
class _Decay:
    """The stretch of a fall, in updates, and the names of the shapes before and in it."""

    starts: int
    length: int
    floor: float
    cycles: float
    rise: str
    fall: str


def _warmup_stable_decay(span: Span, decay: _Decay, k: int) -> float:
    if k < span.warmup:
        return max(0.0, _above(decay.floor, _RISES[decay.rise](k / span.warmup)))
    if k < decay.starts:
        return 1.0
    if k < decay.starts + decay.length:
        fallen = _FALLS[decay.fall]((k - decay.starts) / decay.length, decay.cycles)
        return max(0.0, _above(decay.floor, fallen))
    return decay.floor


# A factor is a function of the module with its arguments filled in, which pickle and copy can take apart.


def constant(span: Span) -> Factor:
    """1 always, warmup ignored."""
    return _constant


def constant_with_warmup(span: Span) -> Factor:
    """Warmup, then 1."""
    return partial(_constant_with_warmup, span)


def linear(span: Span) -> Factor:
    """Warmup, then a straight line to 0 at the end of the run."""
    return partial(_linear, span)


def cosine(span: Span, *, num_cycles: float = 0.5) -> Factor:
    """Warmup, then `num_cycles` waves of a cosine between 1 and 0."""
    return partial(_cosine, span, num_cycles)


def cosine_with_restarts(span: Span, *, num_cycles: int = 1) -> Factor:
    """Warmup, then `num_cycles` falls of half a cosine from 1 to 0, each starting anew at 1."""
    return partial(_cosine_with_restarts, span, num_cycles)


def polynomial(span: Span, *, lr_end: float = 1e-7, power: float = 1.0) -> Factor:
    """Warmup, then a fall with (1 - progress) ** power to the learning rate `lr_end`, which must be lower."""
    if span.learning_rate and not lr_end < span.learning_rate:
        raise PlanError(f"lr_end of 'polynomial' is {lr_end}, not below learning_rate ({span.learning_rate})")
    return partial(_polynomial, span, span.share(lr_end), power)


def inverse_sqrt(span: Span, *, timescale: int | None = None) -> Factor:
    """Warmup, then 1 / sqrt(1 + updates since / timescale); timescale defaults to the warmup, or 10,000."""
    return partial(_inverse_sqrt, span, timescale or span.warmup or 10_000)


def cosine_with_min_lr(
    span: Span, *, num_cycles: float = 0.5, min_lr: float | None = None, min_lr_rate: float | None = None
) -> Factor:
    """Warmup, then a cosine between 1 and a floor: the rate `min_lr`, or the factor `min_lr_rate`."""
    return partial(_cosine_to_floor, span, _floor(span, "cosine_with_min_lr", min_lr, min_lr_rate), num_cycles)


def cosine_warmup_with_min_lr(
    span: Span,
    *,
    num_cycles: float = 0.5,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
    warmup_lr_rate: float | None = None,
) -> Factor:
    """Like `cosine_with_min_lr`, one update ahead; warms up from factor `warmup_lr_rate`, else 1/warmup."""
    floor = _floor(span, "cosine_warmup_with_min_lr", min_lr, min_lr_rate)
    return partial(_cosine_from_rate, span, floor, num_cycles, warmup_lr_rate)


def warmup_stable_decay(
    span: Span,
    *,
    num_decay_steps: int,
    num_stable_steps: int | None = None,
    warmup_type: str = "linear",
    decay_type: str = "cosine",
    min_lr_ratio: float = 0.0,
    num_cycles: float = 0.5,
) -> Factor:
    """Warmup from a floor, 1 for `num_stable_steps` (by default what is left), decay to the floor, the floor.

    The floor is the factor `min_lr_ratio`; shapes are linear, cosine, 1-sqrt; `num_cycles` is for a cosine
    decay.
    """
    stable = span.total - span.warmup - num_decay_steps if num_stable_steps is None else num_stable_steps
    _known_shape(_RISES, warmup_type, "warmup_type")
    _known_shape(_FALLS, decay_type, "decay_type")
    decay = _Decay(span.warmup + stable, num_decay_steps, min_lr_ratio, num_cycles, warmup_type, decay_type)
    return partial(_warmup_stable_decay, span, decay)


SCHEDULES: dict[str, Callable[..., Factor]] = {
    "linear": linear,
    "cosine": cosine,
    "cosine_with_restarts": cosine_with_restarts,
    "polynomial": polynomial,
    "constant": constant,
    "constant_with_warmup": constant_with_warmup,
    "inverse_sqrt": inverse_sqrt,
    "cosine_with_min_lr": cosine_with_min_lr,
    "cosine_warmup_with_min_lr": cosine_warmup_with_min_lr,
    "warmup_stable_decay": warmup_stable_decay,
}


def is_planned(name: str) -> bool:
    """Whether the schedule is a function of the update; reduce_lr_on_plateau follows evaluations instead."""
    return name in SCHEDULES


def multiplier(
    name: str,
    *,
    total_updates: int,
    warmup_updates: int,
    learning_rate: float,
    kwargs: Mapping[str, Any] | None,
) -> Factor:
    """The factor on `learning_rate` after k steps of the schedule `name`, as a function of k from 0.

    `kwargs` is lr_scheduler_kwargs. Raises PlanError for a schedule that is no function of the update, and
    for arguments that it does not take.
    """
    if name not in SCHEDULES:
        raise PlanError(f"the learning rate of {str(name)!r} is no function of the update")
    try:
        return SCHEDULES[name](Span(total_updates, warmup_updates, learning_rate), **(kwargs or {}))
    except TypeError as error:
        raise PlanError(f"lr_scheduler_kwargs of {str(name)!r}: {error}") from None


def _wave(cycles: float, progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * 2.0 * cycles * progress))


def _above(floor: float, factor: float) -> float:
    return factor * (1.0 - floor) + floor


def _floor(span: Span, name: str, min_lr: float | None, min_lr_rate: float | None) -> float:
    if min_lr is not None and min_lr_rate is None:
        return span.share(min_lr)
    if min_lr_rate is not None and min_lr is None:
        return min_lr_rate
    raise PlanError(f"lr_scheduler_kwargs of {name!r} needs one of min_lr and min_lr_rate, and only one")


def _known_shape(shapes: Mapping[str, Any], name: str, argument: str) -> None:
    if name not in shapes:
        raise PlanError(f"{argument} of 'warmup_stable_decay' is {name!r}, not one of {', '.join(shapes)}")


_RISES: dict[str, Callable[[float], float]] = {
    "linear": lambda progress: progress,
    "cosine": lambda progress: 1.0 - _wave(0.5, progress),
    "1-sqrt": lambda progress: 1.0 - math.sqrt(1.0 - progress),
}
_FALLS: dict[str, Callable[[float, float], float]] = {
    "linear": lambda progress, cycles: 1.0 - progress,
    "cosine": lambda progress, cycles: _wave(cycles, progress),
    "1-sqrt": lambda progress, cycles: 1.0 - math.sqrt(progress),
}
