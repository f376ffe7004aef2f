"""Trackio: a Space on the hub, or this machine's own data base where trackio_space_id is null."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from trainspec.training.trackers.base import Entry, RunFacts, Tracker
from trainspec.training.trackers.discretion import safe_message
from trainspec.training.trackers.names import Scalars, last_step, step_of

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)


class TrackioTracker(Tracker):
    name = "trackio"

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        import trackio

        project, told = run.project_for("TRACKIO_PROJECT"), last_step(history)
        is_here = run.trackio_space_id is None
        if told is not None and is_here:
            _forget_after(project, run.name, told)
        self._run = _open(trackio, run, project, resumed=told is not None)
        # What a Space has already cannot be taken back, so it is not told twice.
        known = None if told is None or is_here else getattr(self._run, "_next_step", 0) - 1
        self._scalars = Scalars(known)
        self._step = told or 0
        self._facts, self._project, self._space = run, project, run.trackio_space_id

    def log(self, entry: Entry) -> None:
        self._step = step_of(entry)
        scalars = self._scalars.of(entry)
        if scalars:
            self._run.log(dict(scalars), step=self._step)

    def best_checkpoint(self, url: str) -> None:
        self._run.log({"best_checkpoint": url}, step=self._step)

    def finish(self, *, failed: bool) -> None:
        self._run.finish()
        if not failed and self._space is not None and self._facts.trackio_static_space_id is not None:
            self._copy(self._space, self._facts.trackio_static_space_id)

    def _copy(self, space: str, copy: str) -> None:
        """What the Space shows, in a static one that needs no machine. A failure here is none of the run."""
        import trackio

        try:
            trackio.freeze(space_id=space, project=self._project, new_space_id=copy, private=self._facts.private)
        except Exception as error:
            logger.warning("trackio: Space %s cannot be copied to %s: %s", space, copy, safe_message(error))


def _open(trackio: Any, run: RunFacts, project: str, *, resumed: bool) -> Any:
    def init(**place: Any) -> Any:
        return trackio.init(
            project=project,
            name=run.name,
            config=run.parameters(),
            # A second run of the same name is a run of its own, unless it goes on from a checkpoint of the first.
            resume="allow" if resumed else "never",
            embed=False,
            **place,
        )

    if run.trackio_space_id is None:
        return init()
    try:
        return init(space_id=run.trackio_space_id, bucket_id=run.trackio_bucket_id, private=run.private)
    except Exception as error:
        logger.warning(
            "trackio: Space %s cannot be reached, the run is kept on this machine: %s",
            run.trackio_space_id,
            safe_message(error),
        )
        return init()


def _forget_after(project: str, name: str, step: int) -> None:
    """Drop what the run of this name told after the checkpoint it now goes on from: it is told again."""
    from trackio.sqlite_storage import SQLiteStorage

    path = SQLiteStorage.get_project_db_path(project)
    if not path.exists():
        return
    newest = "SELECT run_id FROM metrics WHERE run_name = ? ORDER BY id DESC LIMIT 1"
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as base, base:
        base.execute(f"DELETE FROM metrics WHERE run_id = ({newest}) AND step > ?", (name, step))
