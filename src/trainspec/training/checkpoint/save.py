"""Writing a checkpoint so that it is there completely or not at all, in phases.

A snapshot is taken; the main process makes room, every process writes its files, the main process publishes.

On this machine the files are written into a hidden folder beside the checkpoint's place, which gets its name in one
rename once the manifest is in it. Elsewhere, and where somebody's own code writes into that place by itself
(`in_place`), the manifest comes last: a folder without one is no checkpoint. A mark beside it says meanwhile that it is
ours. What has the name of a checkpoint and is neither one nor marked was put there by somebody, and is never touched.
"""

from __future__ import annotations

import logging
import platform
import time
from contextlib import nullcontext, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainspec.storage import StorageError
from trainspec.storage.local import LocalStore
from trainspec.storage.unfinished import UNFINISHED
from trainspec.training.checkpoint.load import Checkpoint, folder_name, step_of
from trainspec.training.checkpoint.manifest import MANIFEST, CheckpointError, Manifest, size_problem
from trainspec.training.checkpoint.payload import Document, LocalFile
from trainspec.training.checkpoint.ranks.names import is_written_by_one
from trainspec.training.checkpoint.snapshot import Snapshot
from trainspec.training.state import OWN_STATE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trainspec.storage import FileRecord, Store
    from trainspec.storage.store import Kind
    from trainspec.training.checkpoint.payload import Payload


logger = logging.getLogger(__name__)


def save_checkpoint(
    store: Store,
    step: int,
    files: Mapping[str, bytes | Path | Payload],
    metadata: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Write the checkpoint of a single process, all phases one after the other.

    `files` maps names to contents, or to local files to copy. What the folder held before is removed first. Raises
    what the phases raise; the folder is then no checkpoint for any reader.
    """
    snapshot = Snapshot(step, {name: _payload(content) for name, content in files.items()}, metadata or {})
    make_room(step, store)
    return publish(snapshot, write(snapshot, store), store)


# A checkpoint that is being replaced, at a name that no run looks for, and nobody else gives.
ASIDE = f"replaced-checkpoint{UNFINISHED}"


def replaces_whole(store: Store) -> bool:
    """Whether a checkpoint that is written anew here stays as it was until the new one takes its place."""
    return isinstance(store, LocalStore)


def make_room(step: int, store: Store, *, in_place: bool = False) -> None:
    """Have an empty folder for a checkpoint. For the main process, before any process writes. Raises StorageError.

    What saves before have left unfinished beside it goes: nobody else saves there at the same time. Raises StorageError
    where something else has its name.
    """
    remove_hidden(store)
    kind = store.kind(folder_name(step))
    taken = _taken(store, step, kind)
    if taken is not None:
        reason = f"{taken} that no save has written has its name, and stays as it is; move it elsewhere"
        raise StorageError(store.child_url(folder_name(step)), "save a checkpoint in", reason)
    if in_place or not replaces_whole(store):
        store.write_bytes(_mark(step), b"")
        if kind is not None:
            _empty(store, step)
    _written_to(step, store, in_place=in_place).make_folder()


def in_the_way(store: Store, step: int) -> str | None:
    """What has the name of a checkpoint, and is neither one nor what a save has left of one. Raises StorageError."""
    return _taken(store, step, store.kind(folder_name(step)))


def _taken(store: Store, step: int, kind: Kind | None) -> str | None:
    if kind is None or is_checkpoint(store.child(folder_name(step))) or is_unfinished(store, step):
        return None
    return {"file": "a file", "folder": "a folder", "link": "a link", "other": "something else"}[kind]


def is_checkpoint(folder: Store) -> bool:
    """Whether somebody finished saving one in it, be it damaged by now. Raises StorageError."""
    from trainspec.training.foreign.checkpoint import is_foreign

    # One of transformers has no manifest.
    return folder.exists(MANIFEST) or is_foreign(folder)


def is_unfinished(store: Store, step: int) -> bool:
    """Whether a folder has the name of a checkpoint, and what a save, or a removal, that was cut off has left.

    An empty one is that, too. Raises StorageError.
    """
    if store.kind(folder_name(step)) != "folder":
        return False
    folder = store.child(folder_name(step))
    # Nobody else writes a file of that name.
    ours = folder.exists(OWN_STATE_NAME) or store.exists(_mark(step)) or not folder.entries()
    return ours and not is_checkpoint(folder)


def hidden_steps(store: Store) -> dict[int, str]:
    """The checkpoints that were begun on this machine and have not got their name, with that of their folder."""
    if not isinstance(store, LocalStore):
        return {}
    return {step: name for step, name in _left_for(store, _hidden).items() if store.kind(name) == "folder"}


def remove_hidden(store: Store) -> None:
    """Delete what saves have left that ended before it had a name, and marks of what is gone, or whole.

    Raises StorageError.
    """
    for name in hidden_steps(store).values():
        store.delete_tree(name)
    for step, name in _left_for(store, _mark).items():
        if not is_unfinished(store, step):
            # One that stays harms nothing.
            with suppress(StorageError):
                store.delete(name)


def _left_for(store: Store, named: Callable[[int], str]) -> dict[int, str]:
    """By their steps the unfinished names that are those of a step."""
    found = {name: step_of(name.removeprefix(".").partition(".")[0]) for name in store.unfinished_names()}
    return {step: name for name, step in found.items() if step is not None and name == named(step)}


def _hidden(step: int) -> str:
    return f".{folder_name(step)}{UNFINISHED}"


def _mark(step: int) -> str:
    return f".{folder_name(step)}.begun{UNFINISHED}"


def _written_to(step: int, store: Store, *, in_place: bool) -> Store:
    return store.child(folder_name(step) if in_place or not replaces_whole(store) else _hidden(step))


def write(snapshot: Snapshot, store: Store, *, in_place: bool = False) -> list[FileRecord]:
    """Write the files of one process, each measured while it is written. Raises StorageError."""
    if MANIFEST in snapshot.files:
        raise ValueError(f"{MANIFEST} is written by publish alone")
    folder = _written_to(snapshot.step, store, in_place=in_place)
    with nullcontext(folder) if in_place else folder.filling() as filled:
        return [filled.write(name, payload.write) for name, payload in snapshot.files.items()]


def publish(snapshot: Snapshot, records: Iterable[FileRecord], store: Store, *, in_place: bool = False) -> Checkpoint:
    """Make it a checkpoint: its manifest, of what every process has written. For the main process, at the very end.

    The version of trainspec is added to the snapshot's metadata. Raises StorageError, or CheckpointError where the
    store did not keep what it got.
    """
    checkpoint = described(snapshot, records, store)
    folder = _written_to(snapshot.step, store, in_place=in_place)
    problem = size_problem(checkpoint.manifest, folder.entries())
    if problem:
        if is_written_by_one(problem.partition(" ")[0]):
            problem += "; where each node has an output_dir of its own, set save_on_each_node: true"
        raise CheckpointError(checkpoint.url, f"after writing it, {problem}")
    content = checkpoint.manifest.to_bytes()
    folder.write(MANIFEST, lambda file: file.write(content))
    if isinstance(store, LocalStore) and not in_place:
        replaced = store.publish_folder(_hidden(snapshot.step), folder_name(snapshot.step), ASIDE)
        try:
            store.delete_tree(ASIDE)
        except StorageError as error:
            # The new one is there whatever becomes of the old, which is told once.
            log = logger.warning if replaced else logger.debug
            log("what %s has replaced stays: %s", folder_name(snapshot.step), error)
    # It harms nothing beside a whole one.
    with suppress(StorageError):
        _unmark(store, snapshot.step)
    return checkpoint


def described(snapshot: Snapshot, records: Iterable[FileRecord], store: Store) -> Checkpoint:
    """The checkpoint that `publish` makes of it, for the other processes: nothing is written or read."""
    manifest = Manifest(
        snapshot.step,
        tuple(sorted(records)),
        {"trainspec_version": _version("trainspec"), **snapshot.metadata, **_time_taken(snapshot)},
        world_size=snapshot.world_size,
        layout=snapshot.layout,
        data=snapshot.data,
        versions=_versions(),
        tensors=snapshot.tensors,
    )
    return Checkpoint(store.child(folder_name(snapshot.step)), manifest)


def remove_checkpoint(store: Store, step: int) -> None:
    """Delete a checkpoint, its manifest first: a removal cut short leaves no checkpoint, not a broken one.

    Raises StorageError.
    """
    # A full disk may refuse it, and this is how room is made.
    with suppress(StorageError):
        store.write_bytes(_mark(step), b"")
    _empty(store, step)
    _unmark(store, step)


def _unmark(store: Store, step: int) -> None:
    # On this machine there is hardly ever one, and looking costs nothing.
    if not isinstance(store, LocalStore) or store.exists(_mark(step)):
        store.delete(_mark(step))


def _empty(store: Store, step: int) -> None:
    name = folder_name(step)
    # What a link leads to is not ours to change.
    if not isinstance(store, LocalStore) or store.kind(name) != "link":
        store.delete(f"{name}/{MANIFEST}")
    store.delete_tree(name)


def remove_unfinished(store: Store, step: int) -> None:
    """Delete what a save that failed has left, which may be what fills the disk. Raises StorageError."""
    if isinstance(store, LocalStore):
        store.delete_tree(_hidden(step))
    if is_unfinished(store, step):
        store.child(folder_name(step)).delete_tree()
        _unmark(store, step)


def _payload(content: bytes | Path | Payload) -> Payload:
    if isinstance(content, bytes):
        return Document(content)
    return LocalFile(content) if isinstance(content, Path) else content


def _time_taken(snapshot: Snapshot) -> dict[str, float]:
    """Seconds so far, of which the manifest that tells them is the end."""
    return {} if snapshot.began is None else {"save_runtime": round(time.monotonic() - snapshot.began, 3)}


@cache
def _version(package: str) -> str | None:
    # Looking for it reads a folder of the environment, and it stays what it is for as long as the process lives.
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _versions() -> dict[str, str]:
    found = {name: _version(name) for name in ("trainspec", "torch", "safetensors")}
    return {"python": platform.python_version(), **{name: number for name, number in found.items() if number}}
