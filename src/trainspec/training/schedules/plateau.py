"""Schedules that follow a metric: each evaluation moves them, and nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from torch.optim.lr_scheduler import ReduceLROnPlateau

from trainspec.training.findings.found import found

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine


def follows_metric(schedule: Any) -> bool:
    """Whether its step takes a metric: torch's plateau schedule, or one of somebody's own that cannot do without."""
    return _takes_metric(type(schedule))  # type: ignore[arg-type]


@cache
def _takes_metric(kind: Hashable) -> bool:
    if isinstance(kind, type) and issubclass(kind, ReduceLROnPlateau):
        return True
    try:
        taken = list(inspect.signature(kind.step).parameters.values())[1:]  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ValueError):
        return False
    first = taken[0] if taken else None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    # An epoch is what torch's own steps took once.
    required = first is not None and first.default is inspect.Parameter.empty and first.kind in positional
    return required and first is not None and "epoch" not in first.name


def find_plateau_needs(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """What keeps a schedule that was given, or named, from hearing of its metric."""
    by_name = args.lr_scheduler_type == "reduce_lr_on_plateau" and job.schedule is None
    if by_name or follows_metric(job.schedule):
        yield from _metric_of_several(args, job)
    if job.schedule is not None:
        yield from find_deaf_schedule(args, job.schedule)


def find_deaf_schedule(args: TrainingArguments, schedule: Any) -> Iterator[Diagnostic]:
    """One that an override made, or that was given: the settings have rules for theirs."""
    if not follows_metric(schedule):
        if any(isinstance(held, ReduceLROnPlateau) for held in _held(schedule)):
            yield _inside(args, schedule)
        return
    if args.eval_strategy == "no":
        yield found(
            args,
            "RUN234",
            f"{type(schedule).__name__} lowers the learning rate after evaluations, and nothing is evaluated",
            "eval_strategy",
            remedy="set eval_strategy: steps or epoch, or use a schedule that follows the updates",
            severity="warning",
        )
        return
    mode = getattr(schedule, "mode", None)
    wanted = "max" if args.greater_is_better else "min"
    if args.metric_for_best_model is not None and mode in ("min", "max") and mode != wanted:
        yield found(
            args,
            "RUN237",
            f'the given schedule has mode="{mode}", while {args.metric_for_best_model} is better '
            f"{'greater' if args.greater_is_better else 'smaller'}",
            "metric_for_best_model",
            "greater_is_better",
            remedy=f'make it with mode="{wanted}", or set greater_is_better: {str(mode == "max").lower()}',
            severity="warning",
        )


def _metric_of_several(args: TrainingArguments, job: Job) -> Iterator[Diagnostic]:
    """Several evaluation sets give a loss each, and none of them is eval_loss."""
    sets, name = job.eval_dataset, args.metric_for_best_model or "loss"
    if args.eval_strategy == "no" or job.evaluates_by_itself or not isinstance(sets, Mapping):
        return
    if name in ("loss", "eval_loss") and "" not in sets:
        yield found(
            args,
            "RUN235",
            f"the schedule follows eval_loss, and the evaluation sets give "
            f"{', '.join(f'eval_{entry}_loss' for entry in sets)}",
            "metric_for_best_model",
            remedy=f"set metric_for_best_model to one of these, eval_{next(iter(sets), 'name')}_loss for one",
        )


def _inside(args: TrainingArguments, schedule: Any) -> Diagnostic:
    return found(
        args,
        "RUN236",
        f"{type(schedule).__name__} holds a ReduceLROnPlateau, which hears of no metric: only the schedule around it "
        "is stepped, after each update",
        remedy="pass the ReduceLROnPlateau itself, or let the step of the schedule around it take the metric",
        severity="warning",
    )


def _held(schedule: Any) -> Iterator[Any]:
    for value in list(getattr(schedule, "__dict__", {}).values()):
        yield from value if isinstance(value, list | tuple) else (value,)
