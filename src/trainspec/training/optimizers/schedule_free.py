"""schedulefree's optimizers, which average the weights instead of lowering the learning rate.

Training works on other weights than evaluation does; `behaviour` switches between them.
"""

from __future__ import annotations

from typing import Any

from trainspec.settings.values.choices import SchedulerType
from trainspec.training.optimizers.entry import ClassAndKwargs, Request, load

# The other schedules warm up by themselves; warming up twice would square the factor.
WARM_UP_THEMSELVES_UNDER = (SchedulerType.CONSTANT, SchedulerType.REDUCE_ON_PLATEAU)


def adamw(request: Request) -> ClassAndKwargs:
    return load("schedulefree:AdamWScheduleFree"), {**request.adam, **_warmup(request), **request.own()}


def sgd(request: Request) -> ClassAndKwargs:
    return load("schedulefree:SGDScheduleFree"), {**request.rate, **_warmup(request), **request.own()}


def radam(request: Request) -> ClassAndKwargs:
    return load("schedulefree:RAdamScheduleFree"), {**request.adam, **request.own()}


def _warmup(request: Request) -> dict[str, Any]:
    """Without a schedule that warms up. A warmup_ratio waits for the run's length: behaviour.announce_length."""
    warms_up = request.args.lr_scheduler_type in WARM_UP_THEMSELVES_UNDER
    return {"warmup_steps": request.args.warmup_steps if warms_up else 0}
