"""SwanLab: online where there is an API key, else kept offline for `swanlab sync`."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from trainspec.training.trackers.base import Entry, RunFacts, Tracker
from trainspec.training.trackers.discretion import safe_message
from trainspec.training.trackers.names import Scalars, step_of

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)


class SwanLabTracker(Tracker):
    name = "swanlab"

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        import swanlab

        # A run that the user's script has started is the one to report to, and is not ours to finish.
        self._is_ours = not swanlab.has_run()
        self._run = _open(swanlab, run) if self._is_ours else swanlab.get_run()
        self._swanlab = swanlab
        self._scalars = Scalars()

    def log(self, entry: Entry) -> None:
        scalars = self._scalars.of(entry)
        if scalars:
            self._swanlab.log(scalars, step=step_of(entry))

    def best_checkpoint(self, url: str) -> None:
        self._swanlab.config.update({"best_checkpoint": url})

    def finish(self, *, failed: bool) -> None:
        if self._is_ours:
            self._swanlab.finish("crashed" if failed else "success")


def _open(swanlab: Any, run: RunFacts) -> Any:
    def init(mode: str | None) -> Any:
        return swanlab.init(
            project=run.project_for("SWANLAB_PROJ_NAME"),
            name=os.environ.get("SWANLAB_EXP_NAME") or run.name,
            config=run.parameters(),
            log_dir=run.folder("swanlog", "SWANLAB_LOGDIR"),
            mode=mode,
        )

    if "SWANLAB_MODE" in os.environ:
        return init(None)
    if not _has_key(swanlab):
        logger.warning("swanlab: no API key here, so the run is kept offline; `swanlab sync` sends it later")
        return init("offline")
    try:
        return init(None)
    except Exception as error:
        logger.warning("swanlab: the server does not answer, the run is kept offline: %s", safe_message(error))
        return init("offline")


def _has_key(swanlab: Any) -> bool:
    return bool(os.environ.get("SWANLAB_API_KEY") or getattr(swanlab.Settings(), "api_key", None))
