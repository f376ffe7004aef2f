"""The schedule of a run: built from its settings, moved by updates or by evaluations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.plan.schedules import is_planned
from trainspec.plan.steps import warmup_updates
from trainspec.training.schedules.functions import planned
from trainspec.training.schedules.plateau import follows_metric
from trainspec.training.schedules.registry import get_scheduler

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.settings.arguments import TrainingArguments


def build_schedule(optimizer: Optimizer, args: TrainingArguments, total_updates: int) -> LRScheduler:
    """The schedule of lr_scheduler_type on the rates of the optimizer's groups."""
    arguments: dict[str, Any] = args.lr_scheduler_kwargs or {}
    if not is_planned(args.lr_scheduler_type):
        direction = {"mode": "max" if args.greater_is_better else "min"}
        return get_scheduler(args.lr_scheduler_type, optimizer, scheduler_specific_kwargs=direction | arguments)
    warmup = warmup_updates(args.warmup_steps, args.warmup_ratio, total_updates)
    return planned(args.lr_scheduler_type, optimizer, warmup, total_updates, **arguments)


def after_update(schedule: LRScheduler) -> None:
    if not follows_metric(schedule):
        schedule.step()


def after_evaluation(schedule: Any, metric: float) -> None:
    """For a schedule that follows a metric; any other does not hear of it."""
    if follows_metric(schedule):
        schedule.step(metric)
