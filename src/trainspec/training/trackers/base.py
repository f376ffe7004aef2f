"""What a tracker is, and the group that keeps a broken one from ending a run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainspec.storage import Store

logger = logging.getLogger(__name__)

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class RunFacts:
    """What a tracker is told about a run."""

    name: str
    output: Store


class Pace:
    """Says when it is time to write a file anew, so that writing takes at most a twentieth of a run."""

    _SECONDS_BETWEEN = 1.0
    _TIMES_THE_COST = 20

    def __init__(self) -> None:
        self._next = 0.0

    def is_due(self) -> bool:
        return time.monotonic() >= self._next

    @contextmanager
    def measured(self) -> Iterator[None]:
        began = time.monotonic()
        yield
        ended = time.monotonic()
        self._next = ended + max(self._SECONDS_BETWEEN, self._TIMES_THE_COST * (ended - began))


class Tracker:
    """One place that log entries go to. `name` is its value in report_to."""

    name = ""

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        """`history` holds the entries up to the checkpoint that a resumed run goes on from."""

    def log(self, entry: Entry) -> None: ...

    def refresh(self) -> None:
        """Called after evaluations and checkpoints: a moment to bring files up to date, where that is cheap."""

    def flush(self) -> None:
        """Bring files up to date now: a run, or what came after it, is over."""


class TrackerGroup:
    """Several trackers as one. One that raises is reported and left out from then on."""

    def __init__(self, trackers: Iterable[Tracker]) -> None:
        self._trackers = list(trackers)

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        self._each(lambda tracker: tracker.start(run, history))

    def log(self, entry: Entry) -> None:
        self._each(lambda tracker: tracker.log(entry))

    def refresh(self) -> None:
        self._each(lambda tracker: tracker.refresh())

    def flush(self) -> None:
        self._each(lambda tracker: tracker.flush())

    @property
    def names(self) -> list[str]:
        return [tracker.name for tracker in self._trackers]

    def _each(self, act: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                act(tracker)
            except Exception as error:
                self._trackers.remove(tracker)
                logger.warning(
                    "tracker %r failed and is left out for the rest of the run: %s: %s",
                    tracker.name,
                    type(error).__name__,
                    error,
                )
