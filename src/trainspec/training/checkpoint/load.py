"""Finding checkpoints and reading their files, never trusting one that is not whole."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainspec.storage import (
    FileRecord,
    NotAFile,
    NotFound,
    PermissionRefused,
    StorageError,
    Store,
    meanwhile,
    open_store,
)
from trainspec.storage.local import LocalStore
from trainspec.text.bounded_json import LARGEST_DOCUMENT, parse_json
from trainspec.training.checkpoint.manifest import (
    MANIFEST,
    Branch,
    CheckpointError,
    Manifest,
    content_problem,
    fingerprint,
    parse,
    size_problem,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from os import PathLike
    from pathlib import Path

PREFIX_CHECKPOINT_DIR = "checkpoint"
# In an output folder: where a run went back to that has no checkpoint of its own yet.
_WENT_BACK, _LONGEST_MARK = ".went-back.json", 1 << 16
_FOLDER = re.compile(rf"{PREFIX_CHECKPOINT_DIR}-(0|[1-9][0-9]*)")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose manifest and file sizes are right; the contents are checked as they are read."""

    store: Store
    manifest: Manifest

    @property
    def step(self) -> int:
        """The number of updates that were finished when it was saved."""
        return self.manifest.step

    @property
    def branch(self) -> Branch:
        """How often, when it was saved, training in that folder had gone back behind its newest checkpoint."""
        return Branch.of(self.manifest.metadata)

    @property
    def place(self) -> tuple[int, int]:
        """By which those of one folder are ordered: a branch is newer than all that it left behind."""
        return self.branch.number, self.step

    @property
    def url(self) -> str:
        """Where it is."""
        return self.store.url

    @property
    def without_state(self) -> str:
        """Why it may lack what training needs to go on."""
        return "it was saved with save_only_model, or by another program"

    def has(self, name: str) -> bool:
        """Whether a file of that name belongs to it."""
        return self.manifest.record(name) is not None

    def read(self, name: str) -> bytes:
        """The content of a file. Raises CheckpointError when it is not what was written, or no part of it."""
        record = self._record(name)
        with _of_checkpoint(self.url):
            data = self.store.read_bytes(name)
        self._refuse(content_problem(record, fingerprint(name, data)))
        return data

    @contextmanager
    def local_file(self, name: str) -> Iterator[Path]:
        """A local path with the content of a file, checked like `read`; for files too large for memory."""
        with self._local_file(name) as path:
            yield path

    def verify(self) -> None:
        """Read every file and compare; raises CheckpointError for one that is not what was written.

        Where they are on this machine, two are hashed at a time.
        """
        sizes = {file.name: file.size for file in self.manifest.files}
        left = iter(sorted(sizes, key=lambda name: -sizes[name]))
        problems: dict[str, Exception] = {}

        def check(over: Callable[[], bool]) -> None:
            for name in left:
                if problems or over():
                    return
                try:
                    with self._local_file(name, over):
                        pass
                except (CheckpointError, StorageError) as error:
                    problems[name] = error

        # Passing copies of what is elsewhere would take the room of two files.
        with meanwhile(check) if isinstance(self.store, LocalStore) else nullcontext():
            check(bool)
        for error in problems.values():
            raise error

    @contextmanager
    def _local_file(self, name: str, over: Callable[[], bool] = bool) -> Iterator[Path]:
        record = self._record(name)
        with ExitStack() as stack:
            with _of_checkpoint(self.url):
                path = stack.enter_context(self.store.local_copy(name))
                found = fingerprint(name, path, over)
            if not over():
                self._refuse(content_problem(record, found))
            yield path

    def _record(self, name: str) -> FileRecord:
        record = self.manifest.record(name)
        if record is None:
            raise CheckpointError(self.url, f"it holds no {name}")
        return record

    def _refuse(self, problem: str | None) -> None:
        if problem:
            raise CheckpointError(self.url, problem)


def folder_name(step: int) -> str:
    """The name of the folder of the checkpoint after `step` updates."""
    return f"{PREFIX_CHECKPOINT_DIR}-{step}"


def step_of(url: str) -> int | None:
    """The step of the checkpoint at a path or URL, by the name of its folder; None where it is no such name."""
    match = _FOLDER.fullmatch(re.split(r"[/\\]", url.rstrip("/\\"))[-1])
    return int(match.group(1)) if match else None


def checkpoint_folders(store: Store) -> list[int]:
    """The steps of all checkpoint folders in an output folder, ascending, whether or not they are whole."""
    found = (_FOLDER.fullmatch(name) for name in store.folders())
    return sorted(int(match.group(1)) for match in found if match)


def oldest_first(store: Store) -> list[int]:
    """The steps of all checkpoint folders in the order in which runs came to them, whether or not they are whole.

    That is the order of the steps, but what a run left behind that went back to an old checkpoint comes first of all:
    where its own are damaged, the one before them is that old checkpoint.
    """
    steps = checkpoint_folders(store)
    if len(steps) < 2:
        return steps
    branches = {step: _branch_in(store.child(folder_name(step))) for step in steps}
    return sorted(steps, key=_places(store, branches).__getitem__)


def mark_going_back(store: Store, step: int, branch: Branch) -> None:
    """Have the checkpoint of `step` be the newest until one of `branch` is there. Raises StorageError."""
    store.write_bytes(_WENT_BACK, json.dumps({"step": step, **branch.described()}).encode())


def forget_going_back(store: Store) -> None:
    """There is one of that branch. Raises StorageError."""
    store.delete(_WENT_BACK)


def went_back_to(store: Store) -> tuple[int, Branch] | None:
    """The step and the branch of the last mark, None without one. Raises StorageError."""
    try:
        said = parse_json(store.read_range(_WENT_BACK, 0, _LONGEST_MARK))
        step, branch = said["step"], Branch.of(said)
    except (NotFound, NotAFile, PermissionRefused, ValueError, LookupError, TypeError):
        return None
    return (step, branch) if type(step) is int and branch.number else None


def _places(
    store: Store, branches: Mapping[int, Branch], *, as_marked: bool = True
) -> dict[int, tuple[bool, int, int]]:
    """By step what checkpoints are ordered by, from the branch of each."""
    if not branches:
        return {}
    newest = max(branches.values(), key=lambda branch: (branch.number, len(branch.came_from)))
    mark = went_back_to(store) if as_marked and len(branches) > 1 else None
    marked = None
    if mark is not None and mark[0] in branches and mark[1].number > newest.number:
        marked, newest = mark
    places = {step: (newest.goes_through(one.number, step), one.number, step) for step, one in branches.items()}
    if marked is not None:
        places[marked] = (True, newest.number, marked)
    return places


def _branch_in(store: Store) -> Branch:
    try:
        return Branch.of(parse(store.read_range(MANIFEST, 0, LARGEST_DOCUMENT + 1), store.url).metadata)
    except (NotFound, NotAFile, PermissionRefused, CheckpointError):
        # What is wrong with it is found when it is opened.
        return Branch()


def open_checkpoint(url: str | PathLike[str] | Store) -> Checkpoint:
    """The checkpoint at a path, URL or store of its own.

    Raises CheckpointError, which says what is wrong with it, or StorageError when it cannot be reached.
    """
    store = url if isinstance(url, Store) else open_store(url)
    try:
        # No more of it than one that can be read has.
        data = store.read_range(MANIFEST, 0, LARGEST_DOCUMENT + 1)
    except NotFound:
        raise CheckpointError(store.url, _without_manifest(store)) from None
    except NotAFile as error:
        raise CheckpointError(store.url, f"{MANIFEST} cannot be read: {error.reason}") from None
    manifest = parse(data, store.url)
    problem = size_problem(manifest, store.entries())
    if problem:
        raise CheckpointError(store.url, problem)
    return Checkpoint(store, manifest)


def list_checkpoints(
    store: Store, on_skip: Callable[[CheckpointError], None] | None = None, *, as_marked: bool = True
) -> list[Checkpoint]:
    """The checkpoints in an output folder, oldest first, with a manifest and files of the right sizes.

    `on_skip` hears of every folder that looks like a checkpoint and is none, or may not be read. Not `as_marked`: where
    a run went back to that has no checkpoint of its own yet is no newer for that. Raises StorageError.
    """
    whole = []
    for step in checkpoint_folders(store):
        try:
            whole.append(_numbered(store, step))
        except (CheckpointError, PermissionRefused) as error:
            if on_skip:
                on_skip(_none(store, step, error))
    places = _places(store, {found.step: found.branch for found in whole}, as_marked=as_marked)
    return sorted(whole, key=lambda found: places[found.step])


def newest_valid(store: Store, on_skip: Callable[[CheckpointError], None] | None = None) -> Checkpoint | None:
    """The newest checkpoint whose files are, byte for byte, what was written; None without one.

    `on_skip` hears of each newer one that was passed over, with the reason. Raises StorageError.
    """
    return newest_that(store, lambda step: _numbered(store, step), on_skip)


def newest_that(
    store: Store, opened: Callable[[int], Checkpoint], on_skip: Callable[[CheckpointError], None] | None
) -> Checkpoint | None:
    """The newest checkpoint that can be opened and verified. Raises StorageError."""
    refused = None
    for step in reversed(oldest_first(store)):
        try:
            checkpoint = opened(step)
            checkpoint.verify()
        except (CheckpointError, PermissionRefused) as error:
            if isinstance(error, PermissionRefused):
                refused = refused or error
            if on_skip:
                on_skip(_none(store, step, error))
        else:
            return checkpoint
    if refused is not None:
        # Who may not read what is there must not think that there is nothing, and begin anew.
        raise refused
    return None


def _none(store: Store, step: int, error: CheckpointError | PermissionRefused) -> CheckpointError:
    """Why that is no checkpoint for us."""
    if isinstance(error, CheckpointError):
        return error
    return CheckpointError(store.child_url(folder_name(step)), str(error))


def get_last_checkpoint(folder: str | PathLike[str]) -> str | None:
    """The path or URL of the newest valid checkpoint in an output folder; None without one. Raises StorageError.

    Those of transformers count, too.
    """
    from trainspec.training.foreign.finding import newest_of_any

    found = newest_of_any(open_store(folder))
    return None if found is None else found.url


@contextmanager
def _of_checkpoint(url: str) -> Iterator[None]:
    """What is wrong with one of its files is wrong with the checkpoint, and with no other in that store."""
    try:
        yield
    except (NotFound, NotAFile) as error:
        raise CheckpointError(url, str(error)) from None


def _numbered(store: Store, step: int) -> Checkpoint:
    checkpoint = open_checkpoint(store.child(folder_name(step)))
    if checkpoint.step != step:
        raise CheckpointError(checkpoint.url, f"its {MANIFEST} is of step {checkpoint.step:,}")
    return checkpoint


def _without_manifest(store: Store) -> str:
    if not store.exists():
        return "there is no such folder"
    inside = checkpoint_folders(store)
    if inside:
        return f"it has no {MANIFEST}, but holds checkpoints itself; the newest is {folder_name(inside[-1])}"
    return f"it has no {MANIFEST}: saving it was never finished, or it is no checkpoint of trainspec"
