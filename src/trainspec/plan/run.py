"""The whole run before it starts: what `trainspec plan` shows, from the functions the trainer goes by."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from trainspec.plan import events
from trainspec.plan.batches import Batches, PlanError, check_rows, cut_epoch
from trainspec.plan.events import Cadence
from trainspec.plan.retention import checkpoints_to_delete
from trainspec.plan.schedules import Factor, is_planned, multiplier
from trainspec.plan.steps import epochs_touched, total_updates, warmup_updates
from trainspec.settings.views.layout import Layout, layout_of, splits_batches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainspec.settings.arguments import TrainingArguments

# A log at each of a billion updates is a legal setting; listing them all is no use to anybody.
LONGEST_LIST = 100_000


@dataclass(frozen=True)
class RunPlan:
    """What a run will do, in updates (counted from 1) and rows.

    `micro_batches_per_epoch`, `updates_per_epoch` and `epochs` (begun, the last perhaps in part) are None for
    data without length, `eval_batches` without eval rows. `eval_steps` holds 0 for an evaluation on start.
    The run's closing log is not in `log_steps`. Lists end after LONGEST_LIST entries, and `truncated` names
    those that do. `kept_checkpoints` are certain to be there at the end; with `keeps_best`, the best one is
    too, whichever it will be. Under save_strategy best (`saves_when_best`) no save is known in advance.
    """

    train_rows: int | None
    world_size: int
    batches: Batches
    eval_batches: int | None
    total_updates: int
    warmup_updates: int
    epochs: int | None
    log_steps: tuple[int, ...]
    eval_steps: tuple[int, ...]
    save_steps: tuple[int, ...]
    kept_checkpoints: tuple[int, ...]
    keeps_best: bool
    saves_when_best: bool
    schedule: str
    peak_learning_rate: float
    truncated: tuple[str, ...] = ()
    _factor: Factor | None = field(default=None, repr=False, compare=False)
    _learning_rate: float = field(default=0.0, repr=False, compare=False)

    @property
    def micro_batches_per_epoch(self) -> int | None:
        """Micro-batches each device sees in an epoch."""
        return self.batches.micro_batches

    @property
    def updates_per_epoch(self) -> int | None:
        """Updates in an epoch."""
        return self.batches.updates

    def learning_rate(self, update: int) -> float | None:
        """The learning rate that update number `update` (from 1) uses; None where evaluations decide it."""
        return None if self._factor is None else self._learning_rate * self._factor(update - 1)

    def __str__(self) -> str:
        from trainspec.plan.render import render_plan

        return render_plan(self)

    def _repr_html_(self) -> str:
        from trainspec.plan.html import plan_html

        return plan_html(self)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON values."""
        return {
            "train_rows": self.train_rows,
            "world_size": self.world_size,
            "global_micro_batch_rows": self.batches.global_rows,
            "effective_batch_rows": self.batches.update_rows,
            "micro_batches_per_epoch": self.micro_batches_per_epoch,
            "updates_per_epoch": self.updates_per_epoch,
            "dropped_rows_per_epoch": self.batches.dropped_rows,
            "eval_batches": self.eval_batches,
            "epochs": self.epochs,
            "total_updates": self.total_updates,
            "warmup_updates": self.warmup_updates,
            "learning_rate": {
                "schedule": self.schedule,
                "first": self.learning_rate(1),
                "peak": self.peak_learning_rate,
                "last": self.learning_rate(max(1, self.total_updates)),
            },
            "log_steps": list(self.log_steps),
            "eval_steps": list(self.eval_steps),
            "save_steps": list(self.save_steps),
            "saves_when_best": self.saves_when_best,
            "kept_checkpoints": list(self.kept_checkpoints),
            "keeps_best": self.keeps_best,
            "truncated": list(self.truncated),
        }


def plan_run(
    args: TrainingArguments, *, train_rows: int | None, eval_rows: int | None = None, world_size: int = 1
) -> RunPlan:
    """The plan of a run with these settings over `train_rows` rows, None for a data set without length.

    Raises PlanError when they describe no run.
    """
    drop_last = args.dataloader_drop_last
    batches = plan_batches(args, train_rows, world_size)
    check_rows(train_rows, batches, drop_last)
    total = total_updates(args.max_steps, args.num_train_epochs, batches.updates)
    warmup = warmup_updates(args.warmup_steps, args.warmup_ratio, total)
    cadence = Cadence.of(args, total, batches.updates)
    factor = _factor(args, total, warmup)
    lists = {
        "log_steps": _listed(events.log_steps(cadence)),
        "eval_steps": _listed(events.eval_steps(cadence)),
        "save_steps": _listed(events.save_steps(cadence)),
    }
    truncated = tuple(name for name, steps in lists.items() if len(steps) > LONGEST_LIST)
    keeps_best = args.metric_for_best_model is not None and args.eval_strategy != "no"
    return RunPlan(
        train_rows=train_rows,
        world_size=world_size,
        batches=batches,
        eval_batches=_eval_batches(args, eval_rows, world_size),
        total_updates=total,
        warmup_updates=warmup,
        epochs=epochs_touched(total, batches.updates),
        log_steps=lists["log_steps"][:LONGEST_LIST],
        eval_steps=lists["eval_steps"][:LONGEST_LIST],
        save_steps=lists["save_steps"][:LONGEST_LIST],
        kept_checkpoints=(
            () if "save_steps" in truncated else _kept(lists["save_steps"], args.save_total_limit, keeps_best)
        ),
        keeps_best=keeps_best,
        saves_when_best=args.save_strategy == "best",
        schedule=str(args.lr_scheduler_type),
        peak_learning_rate=args.learning_rate * _peak(factor, total, warmup),
        truncated=truncated,
        _factor=factor,
        _learning_rate=args.learning_rate,
    )


def plan_batches(args: TrainingArguments, train_rows: int | None, world_size: int = 1) -> Batches:
    """How `world_size` processes cut an epoch up: ranks of one tensor, context or sequence group read the same rows.

    Raises PlanError for a batch that split_batches cannot split.
    """
    layout = layout_of(args, world_size)
    return cut_epoch(
        train_rows,
        per_device_batch_size=rows_per_rank(args, args.per_device_train_batch_size, layout),
        accumulation_steps=args.gradient_accumulation_steps,
        world_size=layout.data_ranks,
        drop_last=args.dataloader_drop_last,
    )


def rows_per_rank(args: TrainingArguments, size: int, layout: Layout) -> int:
    """Rows that a rank computes at a time: the batch size, or its part of it under split_batches.

    Raises PlanError for one that cannot be split.
    """
    if not splits_batches(args):
        return size
    if size % layout.data_ranks:
        raise PlanError(f"split_batches cannot split a batch of {size} among {layout.data_ranks} readers of rows")
    return size // layout.data_ranks


def _factor(args: TrainingArguments, total: int, warmup: int) -> Factor | None:
    if not is_planned(args.lr_scheduler_type):
        return None
    return multiplier(
        args.lr_scheduler_type,
        total_updates=total,
        warmup_updates=warmup,
        learning_rate=args.learning_rate,
        kwargs=args.lr_scheduler_kwargs,
    )


def _peak(factor: Factor | None, total: int, warmup: int) -> float:
    # Every schedule rises until warmup ends and never exceeds that later, except towards a floor above 1.
    last = max(0, total - 1)
    try:
        return max(factor(min(k, last)) for k in (0, max(0, warmup - 1), warmup, last)) if factor else 1.0
    except (OverflowError, ValueError):
        raise PlanError(
            "the learning rates of so long a run, with these lr_scheduler_kwargs, are beyond what a number holds"
        ) from None


def _listed(steps: Iterable[int]) -> tuple[int, ...]:
    return tuple(islice(steps, LONGEST_LIST + 1))


def _kept(saves: tuple[int, ...], limit: int | None, keeps_best: bool) -> tuple[int, ...]:
    """The saves that are left at the end whichever of them turns out the best."""
    # The oldest being best leaves the least room; no other case takes one that these two leave.
    cases = (saves[0], None) if keeps_best and saves else (None,)
    gone = {step for best in cases for step in checkpoints_to_delete(saves, limit, best=best)}
    return tuple(step for step in saves if step not in gone)


def _eval_batches(args: TrainingArguments, rows: int | None, world_size: int) -> int | None:
    if rows is None:
        return None
    layout = layout_of(args, world_size)
    size = rows_per_rank(args, args.per_device_eval_batch_size, layout)
    return cut_epoch(rows, per_device_batch_size=size, world_size=layout.data_ranks).micro_batches
