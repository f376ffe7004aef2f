"""Checkpoints by path, URL or folder, whoever wrote them: ours first, those of transformers beside them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from trainspec.storage import NotFound, PermissionRefused, Store, open_store
from trainspec.training.checkpoint.load import (
    Checkpoint,
    checkpoint_folders,
    folder_name,
    newest_that,
    open_checkpoint,
)
from trainspec.training.checkpoint.manifest import MANIFEST, CheckpointError
from trainspec.training.foreign.checkpoint import recognised
from trainspec.training.foreign.wholeness import refuse_cut_off

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike


def open_any(url: str | PathLike[str] | Store) -> Checkpoint:
    """The checkpoint at a path, URL or store of its own, of ours or of transformers.

    Raises CheckpointError, which says what is wrong with it, or StorageError when it cannot be reached.
    """
    store = url if isinstance(url, Store) else open_store(url)
    if not store.exists(MANIFEST):
        try:
            foreign = recognised(store)
        except NotFound:
            foreign = None
        if foreign is not None:
            refuse_cut_off(foreign)
            return foreign
    return open_checkpoint(store)


def newest_of_any(store: Store, on_skip: Callable[[CheckpointError], None] | None = None) -> Checkpoint | None:
    """The newest checkpoint in an output folder that is whole, of ours or of transformers.

    Ours are compared byte for byte with what was written. `on_skip` hears of each newer one that was passed over, with
    the reason. Raises StorageError.
    """
    return newest_that(store, lambda step: _numbered(store, step), on_skip)


def list_of_any(store: Store) -> list[Checkpoint]:
    """Those in an output folder that can be opened, of ours or of transformers. Raises StorageError."""
    found = []
    for step in checkpoint_folders(store):
        with suppress(CheckpointError, PermissionRefused):
            found.append(_numbered(store, step))
    return found


def _numbered(store: Store, step: int) -> Checkpoint:
    found = open_any(store.child(folder_name(step)))
    if found.step != step:
        raise CheckpointError(found.url, f"it is of step {found.step:,}")
    return found
