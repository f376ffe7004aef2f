"""Trackers: where log entries go besides the terminal."""

from trainspec.training.trackers.base import ModelFacts, RunFacts, Tracker
from trainspec.training.trackers.facts import run_facts
from trainspec.training.trackers.group import TrackerGroup
from trainspec.training.trackers.registry import TRACKERS, TrackerKind, build_trackers, chosen_trackers

__all__ = [
    "TRACKERS",
    "ModelFacts",
    "RunFacts",
    "Tracker",
    "TrackerGroup",
    "TrackerKind",
    "build_trackers",
    "chosen_trackers",
    "run_facts",
]
