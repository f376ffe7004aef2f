"""CodeCarbon: energy and emissions of a run, as rows of emissions.csv in output_dir."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainspec.storage.local import LocalStore
from trainspec.training.trackers.base import Entry, RunFacts, Tracker

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = "emissions.csv"


class CodeCarbonTracker(Tracker):
    """It measures by itself; log entries mean nothing to it."""

    name = "codecarbon"

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        self._output = run.output
        self._folder = Path(run.folder("") or tempfile.mkdtemp(prefix="trainspec-"))
        if not isinstance(run.output, LocalStore) and run.output.exists(FILE):
            run.output.download(FILE, self._folder / FILE)
        self._tracker = _build(run, self._folder)
        self._tracker.start()

    def flush(self) -> None:
        self._tracker.flush()
        self._publish()

    def finish(self, *, failed: bool) -> None:
        self._tracker.stop()
        self._publish()

    def _publish(self) -> None:
        written = self._folder / FILE
        if not isinstance(self._output, LocalStore) and written.exists():
            self._output.upload(written, FILE)


def _build(run: RunFacts, folder: Path) -> Any:
    """Offline where the country is configured (CODECARBON_COUNTRY_ISO_CODE); else it has to be looked up."""
    from codecarbon import EmissionsTracker, OfflineEmissionsTracker
    from codecarbon.core.config import get_hierarchical_config

    kind = OfflineEmissionsTracker if get_hierarchical_config().get("country_iso_code") else EmissionsTracker
    return kind(
        project_name=run.project_for("CODECARBON_PROJECT_NAME"),
        experiment_id=run.name,
        output_dir=str(folder),
        output_file=FILE,
        # One row a run, whenever it is asked for; a resumed run adds its own.
        on_csv_write="update",
        allow_multiple_runs=True,
        log_level="error",
    )
