"""Every log entry as a line of metrics.jsonl in output_dir."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainspec.training.evaluation.plain import without_nonfinite
from trainspec.training.trackers.base import Entry, Pace, RunFacts, Tracker
from trainspec.training.trackers.names import number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = "metrics.jsonl"


class JsonLinesTracker(Tracker):
    name = "jsonl"

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        self._run = run
        self._lines = [self._line(entry) for entry in history]
        self._pace = Pace()

    def log(self, entry: Entry) -> None:
        self._lines.append(self._line(entry))
        self.refresh()

    def refresh(self) -> None:
        if self._pace.is_due():
            self._write()

    def flush(self) -> None:
        self._write()

    def _write(self) -> None:
        """The whole file: object stores cannot append."""
        if self._lines:
            with self._pace.measured():
                self._run.output.write_bytes(FILE, "".join(self._lines).encode())

    def _line(self, entry: Entry) -> str:
        # JSON has no nan and no infinity, and most readers refuse them.
        known = {key: _as_json(value) for key, value in entry.items()}
        return json.dumps({"run": self._run.name, **known}, default=str) + "\n"


def _as_json(value: Any) -> Any:
    number = number_of(value)
    return without_nonfinite(value if number is None else number)
