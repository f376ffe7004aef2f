"""Whether a run may write to output_dir."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, Any

from trainspec.plan.batches import PlanError
from trainspec.plan.events import Cadence, should_save
from trainspec.plan.run import plan_run
from trainspec.storage import RetryPolicy, StorageError, Store, open_store
from trainspec.storage.local import LocalStore
from trainspec.storage.location import scheme_of
from trainspec.training import data
from trainspec.training.checkpoint.load import checkpoint_folders, folder_name, step_of
from trainspec.training.checkpoint.resume import unfinished_saves
from trainspec.training.checkpoint.retention import only_unfinished
from trainspec.training.checkpoint.save import in_the_way, is_checkpoint
from trainspec.training.findings.found import found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic

# Findings of one kind; more would say no more.
_MOST = 5


def find_unwritable(args: TrainingArguments) -> Iterator[Diagnostic]:
    reason = _why_not_writable(args)
    if reason is not None:
        yield found(
            args,
            "RUN117",
            "nothing can be written to output_dir",
            "output_dir",
            reason=reason,
            remedy="choose another output_dir, or change its permissions or credentials",
        )


def is_unreachable(findings: Iterable[Diagnostic]) -> bool:
    """Whether `find_unwritable` is among them that found something: nobody needs to look into output_dir then."""
    return any(item.code == "RUN117" for item in findings)


def _why_not_writable(args: TrainingArguments) -> str | None:
    """Nothing is written to find out; for an object store it can only be asked whether it answers."""
    # The model alone is written by the main process.
    is_shared = args.world_size > 1 and args.save_strategy != "no" and not args.save_only_model
    if is_shared and scheme_of(args.output_dir) == "memory":
        return f"memory:// is each process's own, and a checkpoint is of all {args.world_size}"
    try:
        store = open_store(args.output_dir, retry=RetryPolicy(args.storage_timeout_seconds))
        store.exists()
    except StorageError as error:
        return str(error)
    if not isinstance(store, LocalStore):
        return None
    path = store.folder.absolute()
    there = next(place for place in (path, *path.parents) if place.exists())
    if not there.is_dir():
        return f"{there} is a file"
    return None if os.access(there, os.W_OK | os.X_OK) else f"you may not write to {there}"


def find_old_run(args: TrainingArguments, store: Store) -> list[Diagnostic]:
    """Checkpoints of an earlier run in output_dir, when the settings say neither to go on from nor to replace them.

    One that was ended in its first save has left none: that is told, and training begins.
    """
    if args.resume_from_checkpoint or args.overwrite_output_dir:
        return []
    try:
        steps = [step for step in checkpoint_folders(store) if is_checkpoint(store.child(folder_name(step)))]
        unfinished = [] if steps else only_unfinished(store)
    except StorageError:
        return []
    if not steps:
        return [unfinished_saves(unfinished)] if unfinished else []
    return [
        found(
            args,
            "RUN118",
            f"output_dir holds {len(steps)} checkpoint{'s' if len(steps) > 1 else ''} of an earlier run",
            "output_dir",
            remedy="set resume_from_checkpoint: latest to go on (auto: also to start where there is nothing), "
            "overwrite_output_dir: true to start anew, or another output_dir",
        )
    ]


def find_taken_places(
    args: TrainingArguments, output: Callable[[], Store], train_dataset: Any, start: int
) -> list[Diagnostic]:
    """What has the name of a checkpoint that this run would save after its update `start`, and is none.

    Saves that only the run decides on (by the best metric, by a callback) find out by themselves.
    """
    try:
        store = output()
        steps = sorted(step for step in map(step_of, store.names()) if step is not None and step > start)
        is_due = _due(args, train_dataset) if steps else bool
        taken = {step: what for step in steps if is_due(step) and (what := in_the_way(store, step)) is not None}
    except StorageError:
        # Of a place that cannot be looked at somebody else tells.
        return []
    return [
        found(
            args,
            "RUN176",
            f"output_dir holds {what} {folder_name(step)} that is no checkpoint, and one of that name will be saved",
            "output_dir",
            remedy=f"move {folder_name(step)} elsewhere, or choose another output_dir",
        )
        for step, what in islice(taken.items(), _MOST)
    ]


def _due(args: TrainingArguments, train_dataset: Any) -> Callable[[int], bool]:
    """Whether settings have a checkpoint saved after an update, as far as it is known before."""
    try:
        plan = plan_run(args, train_rows=data.row_count(train_dataset), world_size=args.world_size)
    except (PlanError, ValueError):
        every = args.save_steps if args.save_strategy == "steps" and args.save_steps >= 1 else None
        return lambda step: every is not None and step % every == 0
    cadence = Cadence.of(args, plan.total_updates, plan.updates_per_epoch)
    return lambda step: step <= plan.total_updates and should_save(cadence, cadence.moment(step))
