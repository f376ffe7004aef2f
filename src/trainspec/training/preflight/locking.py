"""One run at a time in output_dir: two would end as a mixture of both."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trainspec.storage import StorageError, hurrying
from trainspec.storage.lock import HeldError, acquire
from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint.ranks.files import writes_for_all
from trainspec.training.errors import TakenOverError
from trainspec.training.findings.found import found
from trainspec.training.preflight.preflight import check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.storage import Store
    from trainspec.storage.lock import Holder, Lock
    from trainspec.training.parallel.processes import Processes

logger = logging.getLogger(__name__)


class Locked:
    """output_dir as this run holds it, where it saves."""

    def __init__(self, store: Store, lock: Lock | None) -> None:
        self._store, self._lock = store, lock

    def ours(self) -> None:
        """Raise TakenOverError where another run holds it by now."""
        if self._lock is not None and self._lock.lost:
            raise TakenOverError(
                f"another run has taken over output_dir ({redact_whole_url(self._store.url)}), since this one gave no "
                "sign of life for too long: nothing more is written there"
            )


@contextmanager
def locked(args: TrainingArguments, store: Store, processes: Processes, *, writes: bool) -> Iterator[Locked]:
    """Hold output_dir, where this run `writes`, for the block; a process of each folder does it for all that do.

    Raises PreflightError, in all processes, where another run trains there; one that died is told of in the log.
    """
    lock: Lock | None = None
    faults: list[Diagnostic] = []
    try:
        if writes and writes_for_all(args, processes):
            try:
                lock = acquire(store, on_dead=_tell_dead, on_wait=_tell_wait)
            except HeldError as error:
                faults.append(_in_use(args, error.holder))
            except StorageError as error:
                faults.append(_unwritable(args, str(error)))
        check(faults, processes)
        yield Locked(store, lock)
    finally:
        if lock is not None:
            # A store that does not answer keeps no run from its end: whoever comes next sees that nobody holds it.
            with hurrying():
                lock.release()


def _in_use(args: TrainingArguments, holder: Holder) -> Diagnostic:
    return found(
        args,
        "RUN123",
        f"another run trains in output_dir: {holder.named}",
        "output_dir",
        remedy="wait for its end, stop it, or choose another output_dir",
    )


def _unwritable(args: TrainingArguments, reason: str) -> Diagnostic:
    remedy = "choose another output_dir, or change its permissions or credentials"
    return found(args, "RUN117", "nothing can be written to output_dir", "output_dir", reason=reason, remedy=remedy)


def _tell_dead(holder: Holder) -> None:
    logger.info("the run before in output_dir (%s) has died: this one takes its place", holder.named)


def _tell_wait(holder: Holder, seconds: float) -> None:
    logger.warning(
        "output_dir is held by %s: training begins in %d s unless that run gives a sign of life", holder.named, seconds
    )
