"""ClearML: a task of the server that is configured here, else an archive for Task.import_offline_session."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from trainspec.text.redaction import HIDDEN
from trainspec.training.trackers.base import Entry, RunFacts, Tracker
from trainspec.training.trackers.names import Scalars, step_of

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)


class ClearMLTracker(Tracker):
    name = "clearml"

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        from clearml import Task

        running = Task.current_task()
        # A task that the user's script or an agent has started is the one to report to, and is not ours to close.
        self._is_ours = running is None
        self._task = _start(Task, run) if running is None else running
        if any(HIDDEN in argument for argument in sys.argv):
            # It reads the command line in a thread of its own, which has to be over before tokens are back in there.
            self._task.get_requirements()
        self._task.connect(run.parameters(), name="trainspec")
        self._logger = self._task.get_logger()
        self._scalars = Scalars()

    def log(self, entry: Entry) -> None:
        step = step_of(entry)
        for name, value in self._scalars.of(entry).items():
            series, _, title = name.partition("/")
            # One diagram a metric, with training and evaluation as its curves.
            self._logger.report_scalar(title=title, series=series, value=value, iteration=step)

    def best_checkpoint(self, url: str) -> None:
        self._task.set_user_properties(best_checkpoint=url)

    def flush(self) -> None:
        self._task.flush()

    def finish(self, *, failed: bool) -> None:
        if not self._is_ours:
            return
        try:
            if failed:
                self._task.mark_failed(status_reason="the run ended before its last step")
        finally:
            self._task.close()


def _start(task: Any, run: RunFacts) -> Any:
    if _must_be_offline():
        task.set_offline(True)
    return task.init(
        project_name=run.project_for("CLEARML_PROJECT"),
        task_name=os.environ.get("CLEARML_TASK") or run.name,
        # A run is a task of its own, also under a name that there was before.
        reuse_last_task_id=False,
        # Arguments may be tokens, and model files go where checkpoints go.
        auto_connect_arg_parser=False,
        auto_connect_frameworks=False,
    )


def _must_be_offline() -> bool:
    from clearml.backend_api import Session

    if "CLEARML_OFFLINE_MODE" in os.environ or (Session.get_api_server_host() and _has_key()):
        return False
    logger.warning(
        "clearml: no access key here, so the run is kept offline; Task.import_offline_session sends it later"
    )
    return True


def _has_key() -> bool:
    from clearml.config import config_obj

    return bool(os.environ.get("CLEARML_API_ACCESS_KEY") or config_obj.get("api.credentials.access_key", None))
