"""SCH: the learning rate over the run. (SCH2xx is about the keys of lr_scheduler_kwargs.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainspec.settings.rules.effect import without_effect
from trainspec.settings.rules.predicates import (
    above,
    all_of,
    any_of,
    at_least,
    equals,
    exceeds,
    is_null,
    key,
    negate,
    one_of,
)
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.choices import IntervalStrategy, OptimizerNames, SchedulerType

_WITH_MIN_LR = one_of("lr_scheduler_type", SchedulerType.COSINE_WITH_MIN_LR, SchedulerType.COSINE_WARMUP_WITH_MIN_LR)
_MIN_LR = key("lr_scheduler_kwargs", "min_lr")
_MIN_LR_RATE = key("lr_scheduler_kwargs", "min_lr_rate")
_LR_END, _LR_END_UNSET = "lr_scheduler_kwargs.lr_end", 1e-7
_DEEPSPEED_SCHEDULES = key("deepspeed", "scheduler")
_NO_WARMUP = all_of(
    one_of("lr_scheduler_type", SchedulerType.CONSTANT, SchedulerType.REDUCE_ON_PLATEAU),
    # These optimizers warm up by themselves, and are given the number of updates.
    negate(one_of("optim", OptimizerNames.SCHEDULE_FREE_ADAMW, OptimizerNames.SCHEDULE_FREE_SGD)),
    negate(_DEEPSPEED_SCHEDULES),
)


def _number(settings: Any, name: str) -> float | None:
    """A number among the schedule's arguments, None where there is none (a wrong type is another fault)."""
    arguments = settings.__dict__["lr_scheduler_kwargs"]
    value = arguments.get(name) if isinstance(arguments, Mapping) else None
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _warmup_beyond_the_end(settings: Any) -> str:
    return f"warmup_steps ({settings.warmup_steps}) is more than max_steps ({settings.max_steps})"


def _end_above_start(settings: Any) -> str:
    lowest = _number(settings, "min_lr")
    return f"min_lr in lr_scheduler_kwargs ({lowest}) is above learning_rate ({settings.learning_rate})"


def _polynomial_climbs(settings: Any) -> str:
    given = _number(settings, "lr_end")
    shown = f"{_LR_END_UNSET} by default" if given is None else str(given)
    return f"lr_end in lr_scheduler_kwargs ({shown}) must be below learning_rate ({settings.learning_rate})"


def _stages_beyond_the_end(settings: Any) -> str | None:
    stages = {
        "warmup_steps": settings.warmup_steps,
        "num_stable_steps": _number(settings, "num_stable_steps") or 0,
        "num_decay_steps": _number(settings, "num_decay_steps") or 0,
    }
    if sum(stages.values()) <= settings.max_steps:
        return None
    listed = " + ".join(f"{name} {value:g}" for name, value in stages.items() if value)
    return f"the stages of warmup_stable_decay ({listed}) are longer than max_steps ({settings.max_steps})"


def _plateau_looks_the_wrong_way(settings: Any) -> str | None:
    arguments = settings.__dict__["lr_scheduler_kwargs"]
    mode = arguments.get("mode") if isinstance(arguments, Mapping) else None
    if mode not in ("min", "max") or settings.greater_is_better is None:
        return None
    wanted = "max" if settings.greater_is_better else "min"
    if mode == wanted:
        return None
    metric = settings.metric_for_best_model
    return f"mode {mode} in lr_scheduler_kwargs contradicts greater_is_better of {metric}"


RULES: tuple[Rule, ...] = (
    Rule(
        code="SCH101",
        name="plateau-without-evaluation",
        message="lr_scheduler_type reduce_lr_on_plateau needs eval_strategy",
        reason="it lowers the learning rate when an evaluated metric stops improving",
        fix="set eval_strategy: steps or epoch, or choose another schedule",
        when=all_of(
            equals("lr_scheduler_type", SchedulerType.REDUCE_ON_PLATEAU),
            equals("eval_strategy", IntervalStrategy.NO),
        ),
    ),
    Rule(
        code="SCH102",
        name="warmup-longer-than-the-run",
        message="warmup_steps is more than max_steps",
        reason="the run would end before the learning rate reaches its full value",
        fix="lower warmup_steps, raise max_steps, or use warmup_ratio",
        when=all_of(above("warmup_steps", 0), above("max_steps", 0), exceeds("warmup_steps", "max_steps")),
        tell=_warmup_beyond_the_end,
    ),
    Rule(
        code="SCH103",
        name="min-lr-missing",
        message="this lr_scheduler_type needs min_lr or min_lr_rate in lr_scheduler_kwargs",
        reason="this cosine ends at a learning rate of its own, which has no default",
        fix="set lr_scheduler_kwargs: {min_lr_rate: 0.1}, or another min_lr",
        when=all_of(_WITH_MIN_LR, negate(any_of(_MIN_LR, _MIN_LR_RATE))),
    ),
    Rule(
        code="SCH104",
        name="min-lr-twice",
        message="min_lr and min_lr_rate in lr_scheduler_kwargs exclude each other",
        reason="both say where the learning rate ends, one as a rate and one as a share of learning_rate",
        fix="keep one of them",
        when=all_of(_WITH_MIN_LR, _MIN_LR, _MIN_LR_RATE),
    ),
    Rule(
        code="SCH105",
        name="decay-steps-missing",
        message="lr_scheduler_type warmup_stable_decay needs num_decay_steps in lr_scheduler_kwargs",
        reason="how long the last stage is has no default",
        fix="set lr_scheduler_kwargs: {num_decay_steps: 1000}, or another number of updates",
        when=all_of(
            equals("lr_scheduler_type", SchedulerType.WARMUP_STABLE_DECAY),
            negate(key("lr_scheduler_kwargs", "num_decay_steps")),
        ),
    ),
    Rule(
        code="SCH106",
        name="min-lr-above-learning-rate",
        message="min_lr in lr_scheduler_kwargs is above learning_rate",
        reason="the schedule would climb instead of decay",
        fix="set min_lr to at most learning_rate",
        when=all_of(_WITH_MIN_LR, exceeds("lr_scheduler_kwargs.min_lr", "learning_rate")),
        tell=_end_above_start,
        shown=("lr_scheduler_type", "lr_scheduler_kwargs", "learning_rate"),
    ),
    Rule(
        code="SCH107",
        name="lr-end-not-below-learning-rate",
        message="lr_end in lr_scheduler_kwargs must be below learning_rate",
        reason="a polynomial schedule decays from learning_rate to lr_end",
        fix="set lr_scheduler_kwargs: {lr_end: 0}, or raise learning_rate",
        when=all_of(
            equals("lr_scheduler_type", SchedulerType.POLYNOMIAL),
            any_of(
                all_of(is_null(_LR_END), negate(above("learning_rate", _LR_END_UNSET))),
                at_least(_LR_END, "learning_rate"),
            ),
        ),
        tell=_polynomial_climbs,
        shown=("lr_scheduler_type", "lr_scheduler_kwargs", "learning_rate"),
    ),
    Rule(
        code="SCH108",
        name="stages-longer-than-the-run",
        message="the stages of warmup_stable_decay are longer than max_steps",
        reason="the run would end before the decay does",
        fix="shorten num_decay_steps, num_stable_steps or warmup_steps, or raise max_steps",
        when=all_of(equals("lr_scheduler_type", SchedulerType.WARMUP_STABLE_DECAY), above("max_steps", 0)),
        check=_stages_beyond_the_end,
        also=("lr_scheduler_kwargs", "warmup_steps"),
    ),
    without_effect(
        "SCH301",
        "both-warmups",
        "warmup_ratio",
        all_of(above("warmup_ratio", 0), above("warmup_steps", 0)),
        cause="while warmup_steps is above 0",
        because="warmup_steps overrides warmup_ratio",
        fix="keep one of them",
    ),
    without_effect(
        "SCH302",
        "warmup-ratio-without-warmup",
        "warmup_ratio",
        all_of(above("warmup_ratio", 0), _NO_WARMUP),
        cause="under this lr_scheduler_type",
        because="constant and reduce_lr_on_plateau start at the full learning rate",
        fix="set lr_scheduler_type: constant_with_warmup, or leave warmup_ratio out",
    ),
    without_effect(
        "SCH303",
        "warmup-steps-without-warmup",
        "warmup_steps",
        all_of(above("warmup_steps", 0), _NO_WARMUP),
        cause="under this lr_scheduler_type",
        because="constant and reduce_lr_on_plateau start at the full learning rate",
        fix="set lr_scheduler_type: constant_with_warmup, or leave warmup_steps out",
    ),
    without_effect(
        "SCH304",
        "scheduler-type-under-deepspeed",
        "lr_scheduler_type",
        _DEEPSPEED_SCHEDULES,
        cause="while deepspeed has a scheduler",
        because="DeepSpeed builds the schedule of its own configuration",
        fix="drop scheduler from deepspeed, or leave lr_scheduler_type out",
    ),
    without_effect(
        "SCH305",
        "scheduler-kwargs-under-deepspeed",
        "lr_scheduler_kwargs",
        _DEEPSPEED_SCHEDULES,
        cause="while deepspeed has a scheduler",
        because="DeepSpeed builds the schedule of its own configuration",
        fix="drop scheduler from deepspeed, or leave lr_scheduler_kwargs out",
    ),
    Rule(
        code="SCH401",
        name="plateau-mode-against-metric",
        message="mode in lr_scheduler_kwargs contradicts greater_is_better",
        reason="the learning rate would fall while the metric improves",
        fix="leave mode out, which then follows greater_is_better",
        when=all_of(equals("lr_scheduler_type", SchedulerType.REDUCE_ON_PLATEAU), key("lr_scheduler_kwargs", "mode")),
        check=_plateau_looks_the_wrong_way,
        also=("metric_for_best_model", "greater_is_better"),
        severity="warning",
    ),
)
