"""Writing a checkpoint so that it is there completely or not at all."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from trainspec.training.checkpoint.load import Checkpoint, folder_name
from trainspec.training.checkpoint.manifest import (
    MANIFEST,
    CheckpointError,
    Manifest,
    fingerprint,
    size_problem,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainspec.storage import Store


def save_checkpoint(
    store: Store,
    step: int,
    files: Mapping[str, bytes | Path],
    metadata: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Write the checkpoint after `step` updates into the output folder `store`; the manifest goes last.

    `files` maps names to contents, or to local files to copy; `metadata` is what the manifest says besides,
    with the version of trainspec added. What the folder held before is removed first. Raises StorageError
    when the store fails, CheckpointError when it did not keep what it got; the folder is then no checkpoint
    for any reader.
    """
    folder = store.child(folder_name(step))
    if MANIFEST in files:
        raise ValueError(f"{MANIFEST} is written by save_checkpoint itself")
    about = {"trainspec_version": _version(), **(metadata or {})}
    manifest = Manifest(step, tuple(sorted(fingerprint(n, c) for n, c in files.items())), about)
    described = manifest.to_bytes()
    remove_checkpoint(store, step)
    folder.make_folder()
    for name, content in files.items():
        _write(folder, name, content)
    problem = size_problem(manifest, folder.entries())
    if problem:
        raise CheckpointError(folder.url, f"after writing it, {problem}")
    folder.write_bytes(MANIFEST, described)
    return Checkpoint(folder, manifest)


def remove_checkpoint(store: Store, step: int) -> None:
    """Delete a checkpoint, its manifest first: a removal cut short leaves no checkpoint, not a broken one.

    Raises StorageError.
    """
    folder = store.child(folder_name(step))
    folder.delete(MANIFEST)
    folder.delete_tree()


def _write(folder: Store, name: str, content: bytes | Path) -> None:
    if isinstance(content, bytes):
        folder.write_bytes(name, content)
    else:
        folder.upload(content, name)


def _version() -> str | None:
    try:
        return version("trainspec")
    except PackageNotFoundError:
        return None
