"""When a checkpoint cannot be saved: a warning, while there are few such failures in a row; then the end of the run."""

from __future__ import annotations

import errno
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from trainspec.storage import StorageError, Store, is_transient
from trainspec.training import interruption
from trainspec.training.checkpoint import Checkpoint, CheckpointError, remove_unfinished
from trainspec.training.checkpoint.load import folder_name
from trainspec.training.errors import SavesFailedError
from trainspec.training.parallel.agreement import OtherProcessError, all_know_of

if TYPE_CHECKING:
    from trainspec.training.parallel import Processes

logger = logging.getLogger(__name__)

# What a save failed by in a process: its store, another process, something else.
_STORE, _HEARD, _ELSE = "store", "heard", "else"
# What a disk says that is full, gone, or not ours to write to: somebody's own code may hear it too.
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


class SaveFailures:
    """Those of one run; the same in all of its processes. `in_a_row` counts from the last save that succeeded on."""

    def __init__(self, allowed: int, processes: Processes) -> None:
        self.in_a_row = 0
        self._allowed = allowed
        self._processes = processes

    def met(
        self, error: BaseException, step: int, newest: Checkpoint | None, store: Store | None, *, ends: bool
    ) -> bool:
        """Whether training may go on after a save that failed; then it is told, and what the save left is deleted.

        `store` is that of the checkpoints where this process writes there. False where the error is no failure of a
        store, where none is allowed, and where not all processes have heard of it; after more than are allowed in a row
        raises SavesFailedError. Where the run `ends` by a signal anyway, or one waits, none is too many.
        """
        told = self._told(error)
        if told is None:
            return False
        self.in_a_row += 1
        if store is not None and not any(entry["passing"] for entry in told):
            # What is left of it may be what fills the disk.
            with suppress(StorageError):
                remove_unfinished(store, step)
        reason = next((entry["failed"] for entry in told if entry["by"] == _STORE), str(error))
        text = self._text(step, reason, newest)
        if ends or self.in_a_row <= self._allowed or any(entry["noted"] for entry in told):
            if self._processes.is_main:
                logger.warning("%s", text)
            return True
        if not self._allowed:
            return False
        raise SavesFailedError(f"{text}; save_failures_allowed is {self._allowed}, so the run ends") from error

    def _told(self, error: BaseException) -> list[dict[str, Any]] | None:
        """What the save failed by, in each process; None where it is no store alone, or nobody can be asked."""
        if not all_know_of(self._processes, error):
            return None
        by = _HEARD if isinstance(error, OtherProcessError) else _STORE if _is_of_store(error) else _ELSE
        cause = getattr(error, "cause", error)
        own = {
            # Whoever goes on regardless, and asks us for something else, hears by this key that we failed.
            "failed": str(error),
            "by": by,
            "noted": interruption.is_noted(),
            "passing": by == _STORE and cause is not None and is_transient(cause),
        }
        told = self._processes.each(own)
        return told if all(entry.get("by") in (_STORE, _HEARD) for entry in told) else None

    def _text(self, step: int, reason: str, newest: Checkpoint | None) -> str:
        there = "there is none yet" if newest is None else f"the newest is {folder_name(newest.step)}"
        row = "" if self.in_a_row < 2 else f" (failure {self.in_a_row} in a row)"
        return f"{folder_name(step)} could not be saved{row}: {reason}; {there}"


def _is_of_store(error: BaseException) -> bool:
    ours = isinstance(error, StorageError | CheckpointError)
    return ours or (isinstance(error, OSError) and error.errno in _NO_ROOM)
