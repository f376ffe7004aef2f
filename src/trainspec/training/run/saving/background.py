"""Saves that are written by a thread while training goes on: one at a time."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from trainspec.training.checkpoint.tensor_files import TensorCopies

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainspec.training.checkpoint import Checkpoint, Snapshot


class InFlight:
    """A save that a thread makes a checkpoint of: `write` is called with whom to tell of it once it is published."""

    def __init__(
        self, snapshot: Snapshot, write: Callable[[Callable[[Checkpoint], None]], object], began: float
    ) -> None:
        self.step = snapshot.step
        self.is_best = bool(snapshot.metadata["best"])
        self.published: Checkpoint | None = None
        self.error: BaseException | None = None
        self._began = began
        # None while it is written.
        self._ended: float | None = None
        self._write = write
        # A process that somebody has told twice to end does not wait for it: that is as if it were killed.
        self._thread = threading.Thread(target=self._run, name=f"trainspec saves update {self.step}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._write(self._tell)
        except BaseException as error:  # it is the run's, which raises it at its next step
            self.error = error
        finally:
            self._ended = time.monotonic()

    def _tell(self, checkpoint: Checkpoint) -> None:
        self.published = checkpoint

    @property
    def is_over(self) -> bool:
        return self._ended is not None

    @property
    def seconds(self) -> float:
        """That the save took in all, once it is over."""
        return (self._ended or time.monotonic()) - self._began

    def wait(self) -> None:
        """Until it is over. What a signal raises meanwhile leaves the thread as it is."""
        self._thread.join()


class Background:
    """The save in flight, and the memory that the copies of each snapshot go into."""

    def __init__(self) -> None:
        self.in_flight: InFlight | None = None
        self._copies = TensorCopies()

    def begin(
        self, snapshot: Snapshot, write: Callable[[Snapshot, Callable[[Checkpoint], None]], object], began: float
    ) -> None:
        """Copy what the snapshot refers to, and let a thread write the copy. The save before is over.

        `began` is when the save did, by time.monotonic().
        """
        if self.in_flight is not None:
            raise RuntimeError(f"the save of update {self.in_flight.step} is under way")
        copied = snapshot.copied(self._copies)
        self.in_flight = InFlight(copied, lambda published: write(copied, published), began)
