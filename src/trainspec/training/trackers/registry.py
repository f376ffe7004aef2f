"""Which tracker each name in `report_to` builds, and which libraries it needs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from trainspec.training.trackers.base import Tracker, TrackerGroup
from trainspec.training.trackers.jsonl import JsonLinesTracker
from trainspec.training.trackers.plot import PlotTracker

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainspec.settings.arguments import TrainingArguments


@dataclass(frozen=True)
class TrackerKind:
    build: Callable[[], Tracker]
    package: str | None = None

    def is_installed(self) -> bool:
        return self.package is None or find_spec(self.package) is not None


TRACKERS: dict[str, TrackerKind] = {
    "jsonl": TrackerKind(JsonLinesTracker),
    "plot": TrackerKind(PlotTracker, package="matplotlib"),
}


def chosen_trackers(args: TrainingArguments) -> list[str]:
    """The names that report_to means: "all" is everything installed, "none" is nothing."""
    names = [str(name) for name in args.report_to]
    if "all" in names:
        return [name for name, kind in TRACKERS.items() if kind.is_installed()]
    return [name for name in names if name != "none"]


def build_trackers(args: TrainingArguments) -> TrackerGroup:
    return TrackerGroup(TRACKERS[name].build() for name in chosen_trackers(args))
