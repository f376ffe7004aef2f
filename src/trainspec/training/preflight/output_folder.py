"""Whether a run may write to output_dir."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trainspec.storage import RetryPolicy, StorageError, Store, open_store
from trainspec.storage.local import LocalStore
from trainspec.training.checkpoint.load import checkpoint_folders
from trainspec.training.checkpoint.resume import unfinished_saves
from trainspec.training.checkpoint.retention import only_unfinished
from trainspec.training.findings.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic


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


def _why_not_writable(args: TrainingArguments) -> str | None:
    """Nothing is written to find out; for an object store it can only be asked whether it answers."""
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
        steps = checkpoint_folders(store)
        unfinished = only_unfinished(store)
    except StorageError:
        return []
    if unfinished:
        return [unfinished_saves(unfinished)]
    if not steps:
        return []
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
