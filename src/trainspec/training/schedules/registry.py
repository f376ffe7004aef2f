"""Schedules by their names in the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainspec.plan.batches import PlanError
from trainspec.training.schedules import functions

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


@dataclass(frozen=True)
class Recipe:
    """A function that builds a schedule, with the counts that it needs and those that it can be given besides."""

    build: Callable[..., LRScheduler]
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


_WARMUP, _TOTAL = "num_warmup_steps", "num_training_steps"
_BOTH = (_WARMUP, _TOTAL)


RECIPES: dict[str, Recipe] = {
    "linear": Recipe(functions.get_linear_schedule_with_warmup, _BOTH),
    "cosine": Recipe(functions.get_cosine_schedule_with_warmup, _BOTH),
    "cosine_with_restarts": Recipe(functions.get_cosine_with_hard_restarts_schedule_with_warmup, _BOTH),
    "polynomial": Recipe(functions.get_polynomial_decay_schedule_with_warmup, _BOTH),
    "constant": Recipe(functions.get_constant_schedule),
    "constant_with_warmup": Recipe(functions.get_constant_schedule_with_warmup, (_WARMUP,)),
    "inverse_sqrt": Recipe(functions.get_inverse_sqrt_schedule, (_WARMUP,)),
    "reduce_lr_on_plateau": Recipe(functions.get_reduce_on_plateau_schedule),
    "cosine_with_min_lr": Recipe(functions.get_cosine_with_min_lr_schedule_with_warmup, _BOTH),
    "cosine_warmup_with_min_lr": Recipe(functions.get_cosine_with_min_lr_schedule_with_warmup_lr_rate, _BOTH),
    "warmup_stable_decay": Recipe(functions.get_wsd_schedule, (_WARMUP,), (_TOTAL,)),
}


def get_scheduler(
    name: str,
    optimizer: Optimizer,
    num_warmup_steps: int | None = None,
    num_training_steps: int | None = None,
    scheduler_specific_kwargs: Mapping[str, Any] | None = None,
) -> LRScheduler:
    """The schedule of that name, which is one of lr_scheduler_type.

    Raises PlanError (a ValueError) for another name, for a count that the schedule needs and is not given, and for
    arguments that it does not take.
    """
    recipe = RECIPES.get(name)
    if recipe is None:
        raise PlanError(f"there is no schedule {str(name)!r}; known are {', '.join(RECIPES)}")
    counts = {_WARMUP: num_warmup_steps, _TOTAL: num_training_steps}
    missing = [count for count in recipe.needs if counts[count] is None]
    if missing:
        raise PlanError(f"schedule {str(name)!r} needs {' and '.join(missing)}")
    told = {count: counts[count] for count in recipe.needs + recipe.takes}
    try:
        return recipe.build(optimizer, **told, **(scheduler_specific_kwargs or {}))
    except TypeError as error:
        raise PlanError(f"arguments of schedule {str(name)!r}: {error}") from None
