"""DVCLive: the folder dvclive of a DVC repository, elsewhere the one in output_dir."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trainspec.training.trackers.base import Entry, RunFacts, Tracker
from trainspec.training.trackers.names import Scalars, step_of

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = "dvclive"


class DVCLiveTracker(Tracker):
    name = "dvclive"

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        from dvclive.live import Live

        in_repository = Path(".dvc").is_dir()
        folder = FOLDER if in_repository else run.folder(FOLDER) or FOLDER
        # Its files are written as a whole, so a resumed run begins them anew and tells what was before.
        self._live = Live(
            dir=folder,
            save_dvc_exp=in_repository,
            dvcyaml="dvc.yaml" if in_repository else None,
            exp_message=run.name or None,
        )
        self._live.log_params({**run.parameters(), "run_name": run.name})
        self._scalars = Scalars()
        for entry in history:
            self.log(entry)

    def log(self, entry: Entry) -> None:
        self._live.step = step_of(entry)
        for name, value in self._scalars.of(entry).items():
            self._live.log_metric(name, value)
        self._live.make_summary()

    def best_checkpoint(self, url: str) -> None:
        self._live.summary["best_checkpoint"] = url

    def flush(self) -> None:
        self._live.make_summary()

    def finish(self, *, failed: bool) -> None:
        self._live.end()
