"""How many updates a run has, and how many epochs that takes. Decimal settings are counted exactly."""

from __future__ import annotations

import math

from trainspec.plan.batches import PlanError
from trainspec.settings.views.derived import exact, interval_updates, warmup_updates

__all__ = ["epochs_touched", "interval_updates", "total_updates", "warmup_updates"]


def total_updates(max_steps: int, num_train_epochs: float, updates_per_epoch: int | None) -> int:
    """Updates in the whole run: `max_steps` when above 0, else that many epochs, rounded up to an update.

    `updates_per_epoch` is None for data without length. Raises PlanError when the number cannot be known.
    """
    if max_steps > 0:
        if updates_per_epoch == 0:
            raise PlanError("there is no training data to take max_steps updates with")
        return max_steps
    if updates_per_epoch is None:
        raise PlanError("the data set has no length, so epochs cannot be counted; set max_steps")
    return math.ceil(exact(num_train_epochs) * updates_per_epoch)


def epochs_touched(total: int, updates_per_epoch: int | None) -> int | None:
    """Epochs that `total` updates begin, the last perhaps in part; None for data without length."""
    if updates_per_epoch is None:
        return None
    return -(-total // updates_per_epoch) if updates_per_epoch else 0
