"""Neptune: online where there is an API token, else kept offline for `neptune sync`."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from trainspec.training.trackers.base import Entry, RunFacts, Tracker
from trainspec.training.trackers.names import Scalars, step_of

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)


class NeptuneTracker(Tracker):
    name = "neptune"

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        import neptune
        from neptune.utils import stringify_unsupported

        self._run = neptune.init_run(
            project=run.project_for("NEPTUNE_PROJECT"),
            name=run.name,
            mode=_mode(),
            source_files=[],
            capture_stdout=False,
            capture_stderr=False,
            git_ref=False,
        )
        self._run["parameters"] = stringify_unsupported(run.parameters())
        self._scalars = Scalars()

    def log(self, entry: Entry) -> None:
        step = step_of(entry)
        for name, value in self._scalars.of(entry).items():
            self._run[name].append(value, step=step)

    def best_checkpoint(self, url: str) -> None:
        self._run["best_checkpoint"] = url

    def finish(self, *, failed: bool) -> None:
        self._run["sys/failed"] = failed
        self._run.stop()


def _mode() -> str | None:
    if "NEPTUNE_MODE" in os.environ or os.environ.get("NEPTUNE_API_TOKEN"):
        return None
    logger.warning("neptune: no API token here, so the run is kept offline; `neptune sync` sends it later")
    return "offline"
