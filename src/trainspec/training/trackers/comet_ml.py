"""Comet: online where there is an API key, else an archive for `comet upload`."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from trainspec.training.trackers.base import Entry, RunFacts, Tracker
from trainspec.training.trackers.names import Scalars, step_of

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)


class CometTracker(Tracker):
    name = "comet_ml"

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        import comet_ml

        running = comet_ml.get_running_experiment()
        # An experiment that the user's script has started is the one to report to, and is not ours to end.
        self._is_ours = running is None
        self._experiment = _start(comet_ml, run) if running is None else running
        self._experiment.log_parameters(run.parameters())
        self._scalars = Scalars()

    def log(self, entry: Entry) -> None:
        scalars = self._scalars.of(entry)
        if scalars:
            self._experiment.log_metrics(scalars, step=step_of(entry), epoch=entry.get("epoch"))

    def best_checkpoint(self, url: str) -> None:
        self._experiment.log_other("best_checkpoint", url)

    def finish(self, *, failed: bool) -> None:
        if self._is_ours:
            self._experiment.log_other("finished", not failed)
            self._experiment.end()


def _start(comet_ml: Any, run: RunFacts) -> Any:
    return comet_ml.start(
        project_name=run.project_for("COMET_PROJECT_NAME"),
        online=False if _must_be_offline(comet_ml) else None,
        experiment_config=comet_ml.ExperimentConfig(
            name=run.name,
            offline_directory=run.folder("comet", "COMET_OFFLINE_DIRECTORY"),
            # The settings are told by us, without secrets; Comet would read them from the command line.
            parse_args=False,
            # Patches hold whatever lies about in the working copy.
            log_git_patch=False,
        ),
    )


def _must_be_offline(comet_ml: Any) -> bool:
    if "COMET_START_ONLINE" in os.environ or comet_ml.get_config("comet.api_key"):
        return False
    logger.warning("comet_ml: no API key here, so the run is kept offline; `comet upload` sends it later")
    return True
