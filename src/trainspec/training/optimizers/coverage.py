"""Whether the optimizer that a run was given, or that an override made, is one of this model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.training.findings.found import found
from trainspec.training.model.names import plain_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine

_SHOWN = 8


def find_given_optimizer(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """What is wrong with the pair that the Trainer was given."""
    if job.optimizer is not None:
        yield from find_untrained(args, job.model, job.optimizer)
    if job.optimizer is not None and job.schedule is not None:
        yield from find_strange_schedule(args, job.optimizer, job.schedule)


def find_untrained(args: TrainingArguments, model: nn.Module, optimizer: Any) -> Iterator[Diagnostic]:
    """None of the model's parameters in the optimizer is an error; some left out may be meant so. Frozen ones are."""
    held = {id(value) for group in optimizer.param_groups for value in group["params"]}
    named = list(plain_parameters(model))
    trained = [(name, value) for name, value in named if value.requires_grad]
    idle = [name for name, value in trained if id(value) not in held]
    if not idle:
        return
    strangers = len(held - {id(value) for _, value in named})
    if len(idle) == len(trained):
        yield found(
            args,
            "RUN230",
            f"the optimizer holds none of the model's parameters that train: {_listed(idle)}",
            remedy="make the optimizer of the parameters of the model as it is trained, give its class as "
            "optimizer_cls_and_kwargs, or override create_optimizer",
        )
        return
    besides = f"; it holds {strangers} that the model does not have" if strangers else ""
    yield found(
        args,
        "RUN231",
        f"the optimizer does not hold {len(idle)} of the model's {len(trained)} parameters that require a gradient: "
        f"{_listed(idle)}{besides}",
        remedy="make the optimizer after the last change of the model; where they are meant to stay as they are, set "
        "requires_grad = False on them, which makes this notice go away",
        severity="warning",
    )


def find_strange_schedule(args: TrainingArguments, optimizer: Any, schedule: Any) -> Iterator[Diagnostic]:
    """A schedule of another optimizer; one around this one, or inside of it, shares its groups."""
    own = getattr(schedule, "optimizer", None)
    if own is None or not hasattr(own, "param_groups"):
        return
    groups = {id(group) for group in getattr(optimizer, "param_groups", ())}
    if not any(id(group) in groups for group in own.param_groups):
        yield found(
            args,
            "RUN232",
            "the given schedule belongs to another optimizer than the one that trains",
            remedy="pass the optimizer together with its schedule, as optimizers=(optimizer, schedule)",
        )


def find_used_schedule(args: TrainingArguments, schedule: Any) -> Iterator[Diagnostic]:
    """For a run that begins: a given schedule that another one has moved on already."""
    updates = getattr(schedule, "last_epoch", 0)
    if not isinstance(updates, int) or updates <= 0:
        return
    rates = sorted({float(group["lr"]) for group in getattr(schedule.optimizer, "param_groups", ())})
    yield found(
        args,
        "RUN233",
        f"the given schedule has made {updates:,} steps already: training begins at learning rate "
        f"{', '.join(f'{rate:g}' for rate in rates)}",
        remedy="pass a new pair of optimizer and schedule for each train(), or leave them to the settings",
        severity="warning",
    )


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
