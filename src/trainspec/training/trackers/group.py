"""Several trackers as one: a broken one is reported once and left out, and never ends a run."""

from __future__ import annotations

import atexit
import logging
from typing import TYPE_CHECKING

from trainspec.training.interruption import Terminated
from trainspec.training.trackers.discretion import safe_message, without_secret_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trainspec.training.trackers.base import Entry, RunFacts, Tracker

logger = logging.getLogger(__name__)


class TrackerGroup:
    """Calls in order: start, then log, best_checkpoint, refresh and flush as they come, and finish once.

    What nobody finished is finished when the process ends.
    """

    def __init__(self, trackers: Iterable[Tracker]) -> None:
        self._trackers = list(trackers)

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        # Most libraries note the command line of the program that they are used in.
        with without_secret_arguments():
            self._each(lambda tracker: tracker.start(run, history))
        if self._trackers:
            # After the libraries have registered theirs, so that this one runs before them.
            atexit.register(self.finish)

    def log(self, entry: Entry) -> None:
        self._each(lambda tracker: tracker.log(entry))

    def best_checkpoint(self, url: str) -> None:
        self._each(lambda tracker: tracker.best_checkpoint(url))

    def refresh(self) -> None:
        self._each(lambda tracker: tracker.refresh())

    def flush(self) -> None:
        self._each(lambda tracker: tracker.flush())

    def finish(self, *, failed: bool = False) -> None:
        """Close every tracker; what is logged afterwards goes nowhere. A second call does nothing."""
        atexit.unregister(self.finish)
        self._each(lambda tracker: tracker.finish(failed=failed))
        self._trackers.clear()

    @property
    def names(self) -> list[str]:
        return [tracker.name for tracker in self._trackers]

    def _each(self, act: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                act(tracker)
            except Terminated:
                # It is the run that was asked to end, and not the tracker that failed.
                raise
            # Some libraries leave the program when they cannot go on; the run is worth more than they are.
            except (Exception, SystemExit) as error:
                self._trackers.remove(tracker)
                logger.warning(
                    "tracker %r failed and is left out for the rest of the run: %s: %s",
                    tracker.name,
                    type(error).__name__,
                    safe_message(error),
                )
