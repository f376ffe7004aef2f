"""Trackers: where log entries go besides the terminal."""

from trainspec.training.trackers.base import RunFacts, Tracker, TrackerGroup
from trainspec.training.trackers.registry import TRACKERS, build_trackers, chosen_trackers

__all__ = ["TRACKERS", "RunFacts", "Tracker", "TrackerGroup", "build_trackers", "chosen_trackers"]
