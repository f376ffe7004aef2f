"""The learning-rate schedule as torch runs it: factors from trainspec.plan, or falling when a metric stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from trainspec.plan.schedules import is_planned, multiplier
from trainspec.plan.steps import warmup_updates

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from trainspec.settings.arguments import TrainingArguments


def build_schedule(optimizer: Optimizer, args: TrainingArguments, total_updates: int) -> LRScheduler:
    if not is_planned(args.lr_scheduler_type):
        direction: dict[str, Any] = {"mode": "max" if args.greater_is_better else "min"}
        return ReduceLROnPlateau(optimizer, **(direction | (args.lr_scheduler_kwargs or {})))
    factor = multiplier(
        args.lr_scheduler_type,
        total_updates=total_updates,
        warmup_updates=warmup_updates(args.warmup_steps, args.warmup_ratio, total_updates),
        learning_rate=args.learning_rate,
        kwargs=args.lr_scheduler_kwargs or {},
    )
    return LambdaLR(optimizer, factor)


def after_update(schedule: LRScheduler) -> None:
    if not isinstance(schedule, ReduceLROnPlateau):
        schedule.step()


def after_evaluation(schedule: LRScheduler, metric: float) -> None:
    if isinstance(schedule, ReduceLROnPlateau):
        schedule.step(metric)
