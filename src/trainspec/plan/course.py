"""The course of a run as a picture needs it: bounded in points and marks, however long the run is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trainspec.plan import events
from trainspec.plan.batches import PlanError
from trainspec.plan.events import Cadence, Due
from trainspec.plan.retention import checkpoints_to_delete

if TYPE_CHECKING:
    from trainspec.plan.run import RunPlan
    from trainspec.settings.arguments import TrainingArguments

MOST_POINTS, MOST_MARKS, MOST_LIVES = 400, 400, 120


@dataclass(frozen=True, slots=True)
class Marks:
    """Updates after which something happens: how many there are, and of more than MOST_MARKS an even choice."""

    count: int
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Life:
    """A checkpoint: the update after which it is written, and that after which it is deleted, None where it stays."""

    step: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Retention:
    """The newest `lives` of `count` checkpoints, when `best` turns out the best of all and every earlier one was
    better than those before it; None: no metric is followed, or no save is known in advance.
    """

    limit: int | None
    count: int
    best: int | None
    lives: tuple[Life, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """`points` are pairs of an update (from 1) and the learning rate that it uses; None where evaluations decide it.
    `epoch_ends` are the updates with which epochs end.
    """

    points: tuple[tuple[int, float], ...] | None
    logs: Marks
    evaluations: Marks
    saves: Marks
    epoch_ends: Marks
    retention: Retention

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def course_of(args: TrainingArguments, plan: RunPlan, best: int | None = None) -> Course:
    """The course of the run that was planned with these settings; `best` supposes that this save turns out the best.

    Raises PlanError where there is no such save to keep, and for learning rates beyond what a number holds.
    """
    cadence = Cadence.of(args, plan.total_updates, plan.updates_per_epoch)
    saves = events.save_steps(cadence)
    per_epoch = plan.updates_per_epoch
    ends = range(per_epoch, plan.total_updates + 1, per_epoch) if per_epoch else range(0)
    return Course(
        points=_points(plan),
        logs=_marks(events.log_steps(cadence)),
        evaluations=_marks(events.eval_steps(cadence)),
        saves=_marks(saves),
        epoch_ends=_marks(Due((), ends, ())),
        retention=_retention(saves, args.save_total_limit, plan.keeps_best, best),
    )


def _marks(due: Due) -> Marks:
    return Marks(due.count, due.spread(MOST_MARKS))


def _points(plan: RunPlan) -> tuple[tuple[int, float], ...] | None:
    """Evenly chosen ones, a finer choice within warmup, and both sides of its end."""
    total, warm = plan.total_updates, plan.warmup_updates
    if total < 1 or plan.learning_rate(1) is None:
        return None
    rise, most = min(warm, 40), MOST_POINTS - 50
    chosen = {1, total, *(step for step in (warm - 1, warm, warm + 1, warm + 2) if 1 <= step <= total)}
    chosen |= {1 + place * (min(warm, total) - 1) // max(1, rise - 1) for place in range(rise)}
    chosen |= {1 + place * (total - 1) // (min(most, total) - 1 or 1) for place in range(min(most, total))}
    try:
        return tuple((step, plan.learning_rate(step) or 0.0) for step in sorted(chosen))
    except (OverflowError, ValueError):
        raise PlanError("the learning rates of so long a run are beyond what a number holds") from None


def _retention(saves: Due, limit: int | None, follows: bool, best: int | None) -> Retention:
    """Each save deletes what checkpoints_to_delete names; of what is older than the newest, only the best matters.

    While the best is not there yet, that so far is the newest, which no save deletes.
    """
    if best is not None and (not follows or best not in saves):
        raise PlanError(f"no save at update {best} is kept as the best")
    newest = saves.newest(MOST_LIVES)
    if best is None and follows and newest:
        best = newest[-1]
    there = [best] if best is not None and newest and best < newest[0] else []
    until: dict[int, int | None] = dict.fromkeys((*there, *newest))
    for step in newest:
        there.append(step)
        for gone in checkpoints_to_delete(there, limit, best=best):
            there.remove(gone)
            until[gone] = step
    return Retention(limit, saves.count, best, tuple(Life(step, end) for step, end in until.items()))
