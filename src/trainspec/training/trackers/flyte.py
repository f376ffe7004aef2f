"""Flyte: a deck with the run's entries, for runs inside of a task."""

from __future__ import annotations

import html
import json
import sys
from typing import TYPE_CHECKING, Any

from trainspec.training.trackers.base import Entry, RunFacts, Tracker

if TYPE_CHECKING:
    from collections.abc import Sequence


class FlyteTracker(Tracker):
    name = "flyte"

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        from flytekit import Deck

        self._run = run
        self._entries = list(history)
        self._best: str | None = None
        self._deck = Deck(f"trainspec {run.name}", "")

    def log(self, entry: Entry) -> None:
        self._entries.append(entry)

    def best_checkpoint(self, url: str) -> None:
        self._best = url

    def flush(self) -> None:
        self._deck._html = _page(self._run, self._entries, self._best)


def why_not_flyte() -> str | None:
    """A task runs inside of flytekit, which is then loaded; so nothing is imported to find out."""
    flytekit = sys.modules.get("flytekit")
    if flytekit is None:
        return "this process is not a Flyte task"
    state = flytekit.FlyteContextManager.current_context().execution_state
    return None if state is not None and state.mode is not None else "this code does not run inside of a Flyte task"


def _page(run: RunFacts, entries: Sequence[Entry], best: str | None) -> str:
    columns = list(dict.fromkeys(key for entry in entries for key in entry))
    head = "".join(f"<th>{_text(name)}</th>" for name in columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_text(entry.get(name, ''))}</td>" for name in columns) + "</tr>" for entry in entries
    )
    chosen = "" if best is None else f"<p>best checkpoint: {_text(best)}</p>"
    settings = _text(json.dumps(run.parameters(), indent=2, default=str))
    return f"<h2>{_text(run.name)}</h2>{chosen}<table><tr>{head}</tr>{rows}</table><pre>{settings}</pre>"


def _text(value: Any) -> str:
    return html.escape(str(value))
