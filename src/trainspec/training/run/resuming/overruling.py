"""A resumed run and settings that were changed meanwhile: what the checkpoint overrules, and what cannot go on from it.

Optimizer and schedule go on as they were saved: rates, decay, betas and whatever else they were made with. The shape of
a schedule that follows updates, the length of the run and the batches are as the settings say now.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Number
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from trainspec.settings.diagnostics.stepping_codes import NEW_RUN
from trainspec.settings.sections.optimizers import OPTIMIZER_ARGUMENTS
from trainspec.settings.values.choices import OptimizerNames
from trainspec.text.redaction import printable, shortened
from trainspec.training.findings.found import found
from trainspec.training.optimizers import behaviour
from trainspec.training.optimizers.entry import Request
from trainspec.training.optimizers.registry import OPTIMIZERS
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.run.resuming.contract import OF_OPTIMIZERS, Change, changed_settings, told_changes

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.checkpoint.contents import Contents

# What schedules write into the groups of an optimizer.
_BY_SCHEDULES = {"lr", "initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum", "swa_lr"}
# How it is computed, not what; torch's releases differ in what they write down of it.
_BY_TORCH = {"fused", "foreach", "capturable", "differentiable", "maximize", "decoupled_weight_decay"}
_NOT_OPTIONS = {"params", "param_names"} | _BY_SCHEDULES
_OF_EVERY_SCHEDULE = {"verbose", "_verbose", "_get_lr_called_within_step", "_is_initial", "_step_count", "_last_lr"}
_SETTINGS = {"initial_lr": "learning_rate", "eps": "adam_epsilon", "weight_decay": "weight_decay"}
_SHOWN, _LONGEST = 10, 60
_BETAS = ("adam_beta1", "adam_beta2")


class Steps(NamedTuple):
    """The pair of a run, and whether the user gave each of them."""

    optimizer: Any
    schedule: Any
    gave_optimizer: bool
    gave_schedule: bool


@contextmanager
def resuming(args: TrainingArguments, contents: Contents, steps: Steps) -> Iterator[list[Diagnostic]]:
    """Around the loading of a saved optimizer and schedule. Raises PreflightError where they are of another kind.

    Afterwards the list holds what is worth knowing.
    """
    others = [*_other_optimizer(args, contents, steps), *_other_schedule(args, contents, steps)]
    if others:
        raise PreflightError(others)
    told: list[Diagnostic] = []
    rated = ["lr" in group for group in steps.optimizer.param_groups]
    groups, made = _options(steps.optimizer), _arguments(steps.schedule, steps.schedule.state_dict())
    try:
        yield told
    except (ValueError, LookupError, TypeError, RuntimeError) as error:
        raise PreflightError([_not_taken(args, str(error) or type(error).__name__)]) from error
    lost = {
        name
        for before, has_rate, group in zip(groups, rated, steps.optimizer.param_groups, strict=False)
        for name in before.keys() | ({"lr"} if has_rate else set())
        if name not in group
    }
    if lost:
        raise PreflightError([_another_optimizer(args, steps, f"its groups have no {', '.join(sorted(lost))}")])
    changes = [
        *_changed_options(groups, _options(steps.optimizer), steps),
        *_changed_arguments(made, _arguments(steps.schedule, contents.scheduler or {}), steps),
        *_changed_settings(args, contents, steps),
    ]
    told += told_changes(args, contents.resolved_args, [*changes, *_others(args, contents, steps, changes)])


def changes_beside_steppers(args: TrainingArguments, contents: Contents) -> Iterator[Diagnostic]:
    """Where somebody else's code has restored optimizer and schedule, and only it knows what they were made with."""
    as_given = Steps(None, None, True, True)
    yield from told_changes(args, contents.resolved_args, list(_others(args, contents, as_given, [])))


# What cannot go on


def _other_optimizer(args: TrainingArguments, contents: Contents, steps: Steps) -> Iterator[Diagnostic]:
    named = _value(contents, "optim")
    if not steps.gave_optimizer and named is not None and not _same_kind(named, args, steps.optimizer):
        yield _another_optimizer(args, steps, f"it was saved with optim {named}")
        return
    saved = (contents.optimizer or {}).get("param_groups")
    if not isinstance(saved, list):
        return
    here = {name for group in steps.optimizer.param_groups for name in group}
    there = {name for group in saved for name in group}
    strange = there - here - _NOT_OPTIONS - _BY_TORCH
    # Some keep counts in their groups as they go; but each is made with options, and another one lacks those.
    if strange and (here & set(_parameters(type(steps.optimizer)))) - there - _NOT_OPTIONS - _BY_TORCH:
        yield _another_optimizer(args, steps, f"its groups have {_named_in_file(strange)}")


def _named_in_file(names: Iterable[str]) -> str:
    """Whoever wrote the file may have written anything."""
    return ", ".join(printable(shortened(name, _LONGEST)) for name in sorted(names)[:_SHOWN])


def _same_kind(named: str, args: TrainingArguments, optimizer: Any) -> bool:
    """The same name, or two names for one class of torch's, whose forms can load each other's state."""
    if named == args.optim:
        return True
    try:
        arguments = OPTIMIZER_ARGUMENTS[OptimizerNames(named)].model_validate({})
        kind: Any = OPTIMIZERS[OptimizerNames(named)].recipe(Request(args, arguments))[0]
    # Its package may be missing, and its arguments may be needed: then it is known by its name alone.
    except Exception:
        return False
    return kind is type(optimizer) and kind.__module__.startswith("torch.optim")


def _other_schedule(args: TrainingArguments, contents: Contents, steps: Steps) -> Iterator[Diagnostic]:
    saved = contents.scheduler
    if not saved:
        return
    known = set(steps.schedule.state_dict())
    differing = (set(saved) ^ known) - _OF_EVERY_SCHEDULE
    if differing:
        named = _value(contents, "lr_scheduler_type")
        was = f"lr_scheduler_type was {named}, and " if named not in (None, args.lr_scheduler_type) else ""
        yield found(
            args,
            "RUN242",
            f"the checkpoint's schedule is of another kind than {type(steps.schedule).__name__}",
            *(() if steps.gave_schedule else ("lr_scheduler_type",)),
            reason=f"{was}what differs in their states is {_named_in_file(differing)}",
            remedy="resume with the schedule that the run had; for another one " + NEW_RUN,
        )


def _another_optimizer(args: TrainingArguments, steps: Steps, how: str) -> Diagnostic:
    return found(
        args,
        "RUN241",
        f"the checkpoint's optimizer is another one than {behaviour.name_of(steps.optimizer)}: {how}",
        *(() if steps.gave_optimizer else ("optim",)),
        remedy="resume with the optimizer that the run had; for another one " + NEW_RUN,
    )


def _not_taken(args: TrainingArguments, reason: str) -> Diagnostic:
    return found(
        args,
        "RUN243",
        "the state of optimizer or schedule in the checkpoint is not of what trains here",
        "resume_from_checkpoint",
        reason=reason,
        remedy="resume with the parameters and the groups that the run had; for others " + NEW_RUN,
    )


# What is overruled


def _options(optimizer: Any) -> list[dict[str, Any]]:
    """Of each group, what it was made with."""
    taken = set(_parameters(type(optimizer))) - _NOT_OPTIONS - _BY_TORCH | {"initial_lr"}
    return [
        {name: value for name, value in group.items() if name in taken and _is_plain(value)}
        for group in optimizer.param_groups
    ]


def _changed_options(before: list[Any], after: list[Any], steps: Steps) -> Iterator[Change]:
    seen: set[str] = set()
    for now, then in zip(before, after, strict=False):
        for name, value in now.items():
            saved = then.get(name, value)
            for change in _named(name, saved, value, steps):
                # What was left open is decided by the optimizer itself, at its first step perhaps.
                if change.then not in (None, change.now) and change.now is not None and change.name not in seen:
                    seen.add(change.name)
                    yield change


def _named(name: str, then: Any, now: Any, steps: Steps) -> Iterator[Change]:
    if steps.gave_optimizer:
        yield Change(f"the optimizer's {'lr' if name == 'initial_lr' else name}", then, now, True)
    elif name == "betas" and isinstance(then, tuple | list) and len(then) == len(now) == len(_BETAS):
        yield from (Change(*each, True) for each in zip(_BETAS, then, now, strict=True))
    elif name in _SETTINGS:
        yield Change(_SETTINGS[name], then, now, True)
    else:
        yield Change("warmup_steps" if name == "warmup_steps" else f"optim_args.{name}", then, now, True)


def _arguments(schedule: Any, state: Mapping[str, Any]) -> dict[str, Any]:
    """What a schedule was made with, as far as its state tells."""
    places = {
        name: next((key for key in (name, f"{name}s") if key in state), None) for name in _parameters(type(schedule))
    }
    return {
        name: state[key]
        for name, key in places.items()
        if key is not None and name not in ("optimizer", "last_epoch", "verbose") and _is_plain(state[key])
    }


def _changed_arguments(before: Mapping[str, Any], after: Mapping[str, Any], steps: Steps) -> Iterator[Change]:
    for name, now in before.items():
        then = after.get(name, now)
        if then != now:
            told = "greater_is_better" if name == "mode" else f"lr_scheduler_kwargs.{name}"
            yield Change(f"the schedule's {name}" if steps.gave_schedule else told, then, now, True)


def _changed_settings(args: TrainingArguments, contents: Contents, steps: Steps) -> Iterator[Change]:
    # Where a schedule keeps no note of the first rate, the saved rate alone goes on.
    noted = any("initial_lr" in group for group in steps.optimizer.param_groups)
    names = (["seed"] if contents.rng else []) + ([] if noted or steps.gave_optimizer else ["learning_rate"])
    for name in names:
        then, now = _value(contents, name), getattr(args, name)
        if then is not None and then != now:
            yield Change(name, then, now, True)


def _others(args: TrainingArguments, contents: Contents, steps: Steps, overruled: list[Change]) -> Iterator[Change]:
    """What was changed and holds as it is here."""
    known = {change.setting for change in overruled} | set(OF_OPTIMIZERS)
    changed = changed_settings(
        args,
        contents.resolved_args,
        gave_optimizer=steps.gave_optimizer,
        gave_schedule=steps.gave_schedule,
        knows_a_best=contents.trainer_state.get("best_metric") is not None,
    )
    yield from (change for change in changed if change.setting not in known)


def _parameters(kind: type) -> list[str]:
    try:
        return list(inspect.signature(kind).parameters)
    except (TypeError, ValueError):
        return []


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | str) or (isinstance(value, Number) and not torch.is_tensor(value))


def _value(contents: Contents, name: str) -> Any:
    entry = contents.resolved_args.get(name)
    return entry.get("value") if isinstance(entry, Mapping) else None
