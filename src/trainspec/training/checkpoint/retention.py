"""Deleting the checkpoints that save_total_limit leaves no room for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from trainspec.plan.retention import checkpoints_to_delete
from trainspec.storage import PermissionRefused, StorageError, is_transient
from trainspec.training.checkpoint.load import (
    checkpoint_folders,
    folder_name,
    list_checkpoints,
)
from trainspec.training.checkpoint.manifest import MANIFEST
from trainspec.training.checkpoint.save import (
    ASIDE,
    hidden_steps,
    in_the_way,
    is_checkpoint,
    is_unfinished,
    remove_checkpoint,
)

if TYPE_CHECKING:
    from trainspec.storage import Store

logger = logging.getLogger(__name__)


def apply_retention(
    store: Store,
    limit: int | None,
    *,
    best_step: int | None = None,
    current_step: int | None = None,
    refused: set[int] | None = None,
) -> tuple[int, ...]:
    """Delete what `plan.retention` says, and what cut-off saves left behind; returns the deleted valid steps.

    `limit` is save_total_limit, None deletes nothing; `best_step` is the best checkpoint where a metric is tracked,
    else None; `current_step` that at which the run is, which stays, too. Damaged checkpoints do not count, and stay;
    folders without a manifest go once a newer checkpoint is valid. One whose deletion is refused stays, with a warning
    unless its step is in `refused`, where it is noted. Raises StorageError for a store that does not answer; for one
    process only, after a save has succeeded or before the first one.
    """
    if limit is None:
        return ()
    # Where the run went back to is `current_step`; what it left behind may be wanted until it has one of its own.
    valid = [checkpoint.step for checkpoint in list_checkpoints(store, as_marked=False)]
    if not valid:
        return ()
    surplus = [step for step in checkpoints_to_delete(valid, limit, best=best_step) if step != current_step]
    older = (step for step in checkpoint_folders(store) if step not in valid and step < max(valid))
    unfinished = [step for step in older if is_left_unfinished(store, step)]
    gone = [step for step in sorted({*surplus, *unfinished}) if _is_removed(store, step, refused)]
    return tuple(step for step in surplus if step in gone)


def is_left_unfinished(store: Store, step: int) -> bool:
    """`is_unfinished`; what may not be looked into is not touched. Raises StorageError."""
    try:
        return is_unfinished(store, step)
    except PermissionRefused:
        return False


def _is_removed(store: Store, step: int, refused: set[int] | None) -> bool:
    """Delete a checkpoint where that is allowed: what is too much harms nobody."""
    try:
        remove_checkpoint(store, step)
    except StorageError as error:
        if error.cause is not None and is_transient(error.cause):
            raise
        if refused is None or step not in refused:
            logger.warning("%s stays, more than save_total_limit allows: %s", folder_name(step), error)
        if refused is not None:
            refused.add(step)
        return False
    return True


def only_unfinished(store: Store) -> list[int]:
    """The steps of the checkpoints in an output folder where saving was begun in all and finished in none.

    Empty where one of them is a checkpoint, be it damaged. Raises StorageError.
    """
    steps = checkpoint_folders(store)
    if any(is_checkpoint(store.child(folder_name(step))) for step in steps):
        return []
    return sorted({*(step for step in steps if is_unfinished(store, step)), *hidden_steps(store)})


def set_aside(store: Store, step: int) -> None:
    """Keep a copy of a checkpoint whose folder is about to be written anew: valid, at a name that no run looks for.

    Nothing happens where there is no valid one. Raises StorageError.
    """
    if step not in (checkpoint.step for checkpoint in list_checkpoints(store)):
        return
    folder, aside = store.child(folder_name(step)), store.child(ASIDE)
    aside.delete(MANIFEST)
    aside.delete_tree()
    aside.make_folder()
    names = [entry.name for entry in folder.entries()]
    # As in a save: where the manifest is, everything is.
    for name in sorted(names, key=lambda name: name == MANIFEST):
        with folder.local_copy(name) as file:
            aside.upload(file, name)


def remove_set_aside(store: Store) -> None:
    """The checkpoint that took its place is safe. Raises StorageError."""
    aside = store.child(ASIDE)
    aside.delete(MANIFEST)
    aside.delete_tree()


def remove_all_except(store: Store, step: int) -> tuple[int, ...]:
    """Delete every checkpoint but that of `step`, for a fresh run over an old one; returns the steps.

    What saves have left goes as well. Call it once the new run's first checkpoint is safe. Raises StorageError.
    """
    old = tuple(found for found in checkpoint_folders(store) if found != step and in_the_way(store, found) is None)
    for found in old:
        remove_checkpoint(store, found)
    return old
