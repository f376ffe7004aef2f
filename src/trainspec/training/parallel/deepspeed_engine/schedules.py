"""A schedule of ours on the groups that an engine really has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.training.parallel.deepspeed_engine.optimizer import EngineOptimizer


def without_empty_groups(optimizer: Optimizer, schedule: LRScheduler | None) -> None:
    """The engine drops groups without parameters; here the lists in which a schedule has one entry a group follow."""
    groups = optimizer.param_groups
    kept = [number for number, group in enumerate(groups) if group["params"]]
    if len(kept) == len(groups):
        return
    for name, value in vars(schedule).items() if schedule is not None else ():
        if isinstance(value, list) and len(value) == len(groups):
            setattr(schedule, name, [value[number] for number in kept])
    groups[:] = [groups[number] for number in kept]


def moved(schedule: LRScheduler | None, optimizer: Optimizer, engines: EngineOptimizer) -> LRScheduler | None:
    """The schedule of `optimizer`, with the rates that it has set so far, on that of the engine."""
    if schedule is None:
        return None
    if engines.inner is not optimizer:
        for own, group in zip(optimizer.param_groups, engines.param_groups, strict=True):
            group.update({key: own[key] for key in ("lr", "initial_lr") if key in own})
    if getattr(schedule, "optimizer", None) is optimizer:
        held: Any = schedule
        held.optimizer = engines
    return schedule
