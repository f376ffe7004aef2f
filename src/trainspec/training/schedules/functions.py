"""Schedules for an optimizer of one's own, by the names and with the arguments that Hugging Face transformers has.

Each multiplies the rate of every parameter group by a factor of `trainspec.plan.schedules`, where the formulas are.
Arguments count updates; rates such as `min_lr` relate to the rate that the optimizer was made with. Errors are
PlanError, which is a ValueError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from trainspec.plan.batches import PlanError
from trainspec.plan.schedules import multiplier

if TYPE_CHECKING:
    from torch.optim import Optimizer


def planned(
    name: str, optimizer: Optimizer, warmup: int, total: int, last_epoch: int = -1, **arguments: Any
) -> LambdaLR:
    """The schedule `name` of the settings, after `last_epoch + 1` updates."""
    factor = multiplier(
        name,
        total_updates=total,
        warmup_updates=warmup,
        learning_rate=rate_of(optimizer),
        kwargs=arguments,
    )
    return LambdaLR(optimizer, factor, last_epoch)


def rate_of(optimizer: Optimizer) -> float:
    """The learning rate an optimizer was made with; that of its first group where it does not tell."""
    defaults: dict[str, Any] = getattr(optimizer, "defaults", {})
    rate = defaults.get("lr")
    return float(optimizer.param_groups[0]["lr"] if rate is None else rate)


def get_constant_schedule(optimizer: Optimizer, last_epoch: int = -1) -> LambdaLR:
    return planned("constant", optimizer, 0, 0, last_epoch)


def get_constant_schedule_with_warmup(optimizer: Optimizer, num_warmup_steps: int, last_epoch: int = -1) -> LambdaLR:
    return planned("constant_with_warmup", optimizer, num_warmup_steps, 0, last_epoch)


def get_linear_schedule_with_warmup(
    optimizer: Optimizer, num_warmup_steps: int, num_training_steps: int, last_epoch: int = -1
) -> LambdaLR:
    return planned("linear", optimizer, num_warmup_steps, num_training_steps, last_epoch)


def get_cosine_schedule_with_warmup(
    optimizer: Optimizer, num_warmup_steps: int, num_training_steps: int, num_cycles: float = 0.5, last_epoch: int = -1
) -> LambdaLR:
    return planned("cosine", optimizer, num_warmup_steps, num_training_steps, last_epoch, num_cycles=num_cycles)


def get_cosine_with_hard_restarts_schedule_with_warmup(
    optimizer: Optimizer, num_warmup_steps: int, num_training_steps: int, num_cycles: int = 1, last_epoch: int = -1
) -> LambdaLR:
    return planned(
        "cosine_with_restarts", optimizer, num_warmup_steps, num_training_steps, last_epoch, num_cycles=num_cycles
    )


def get_polynomial_decay_schedule_with_warmup(
    optimizer: Optimizer,
    num_warmup_steps: int,
    num_training_steps: int,
    lr_end: float = 1e-7,
    power: float = 1.0,
    last_epoch: int = -1,
) -> LambdaLR:
    return planned(
        "polynomial", optimizer, num_warmup_steps, num_training_steps, last_epoch, lr_end=lr_end, power=power
    )


def get_inverse_sqrt_schedule(
    optimizer: Optimizer, num_warmup_steps: int, timescale: int | None = None, last_epoch: int = -1
) -> LambdaLR:
    return planned("inverse_sqrt", optimizer, num_warmup_steps, 0, last_epoch, timescale=timescale)


def get_cosine_with_min_lr_schedule_with_warmup(
    optimizer: Optimizer,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float = 0.5,
    last_epoch: int = -1,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
) -> LambdaLR:
    """Exactly one of `min_lr`, a rate, and `min_lr_rate`, a factor, is needed."""
    return planned(
        "cosine_with_min_lr",
        optimizer,
        num_warmup_steps,
        num_training_steps,
        last_epoch,
        num_cycles=num_cycles,
        min_lr=min_lr,
        min_lr_rate=min_lr_rate,
    )


def get_cosine_with_min_lr_schedule_with_warmup_lr_rate(
    optimizer: Optimizer,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float = 0.5,
    last_epoch: int = -1,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
    warmup_lr_rate: float | None = None,
) -> LambdaLR:
    """Exactly one of `min_lr`, a rate, and `min_lr_rate`, a factor, is needed."""
    return planned(
        "cosine_warmup_with_min_lr",
        optimizer,
        num_warmup_steps,
        num_training_steps,
        last_epoch,
        num_cycles=num_cycles,
        min_lr=min_lr,
        min_lr_rate=min_lr_rate,
        warmup_lr_rate=warmup_lr_rate,
    )


def get_wsd_schedule(
    optimizer: Optimizer,
    num_warmup_steps: int,
    num_decay_steps: int,
    num_training_steps: int | None = None,
    num_stable_steps: int | None = None,
    warmup_type: str = "linear",
    decay_type: str = "cosine",
    min_lr_ratio: float = 0,
    num_cycles: float = 0.5,
    last_epoch: int = -1,
) -> LambdaLR:
    """Warmup, stable, decay. `num_stable_steps` counts where both it and `num_training_steps` are given."""
    if num_training_steps is None and num_stable_steps is None:
        raise PlanError("'warmup_stable_decay' needs one of num_training_steps and num_stable_steps")
    return planned(
        "warmup_stable_decay",
        optimizer,
        num_warmup_steps,
        num_training_steps or 0,
        last_epoch,
        num_decay_steps=num_decay_steps,
        num_stable_steps=num_stable_steps,
        warmup_type=warmup_type,
        decay_type=decay_type,
        min_lr_ratio=min_lr_ratio,
        num_cycles=num_cycles,
    )


def get_reduce_on_plateau_schedule(optimizer: Optimizer, **kwargs: Any) -> ReduceLROnPlateau:
    """Falls when the metric that its `step` is given stands still; arguments are torch's."""
    return ReduceLROnPlateau(optimizer, **kwargs)
