"""Where a schedule of transformers stood, as the state of a schedule here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from trainspec.training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


class ForeignScheduleError(TrainingError, ValueError):
    """The state of a schedule of another kind."""


def as_here(state: Mapping[str, Any], schedule: LRScheduler, optimizer: Optimizer) -> dict[str, Any]:
    """What `schedule.load_state_dict` takes, for an optimizer that has its own saved state already.

    Raises ForeignScheduleError for the state of another kind of schedule.
    """
    own = schedule.state_dict()
    if not isinstance(state.get("last_epoch"), int) or ("best" in state) != isinstance(schedule, ReduceLROnPlateau):
        kind = "one that follows a metric" if "best" in state else "one that follows updates"
        raise ForeignScheduleError(f"scheduler.pt is of another kind of schedule ({kind}) than lr_scheduler_type here")
    if not isinstance(schedule, LambdaLR):
        return {**own, **{name: value for name, value in state.items() if name in own}}
    groups = optimizer.param_groups
    return {
        **own,
        "last_epoch": state["last_epoch"],
        "_step_count": state.get("_step_count", state["last_epoch"] + 1),
        "base_lrs": [group.get("initial_lr", group["lr"]) for group in groups],
        "_last_lr": [group["lr"] for group in groups],
    }
