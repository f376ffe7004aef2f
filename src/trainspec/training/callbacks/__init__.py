"""Callbacks and the moments they hear of."""

from trainspec.training.callbacks.base import Callback
from trainspec.training.callbacks.lines import Lines
from trainspec.training.callbacks.progress import Progress, progress_wanted

__all__ = ["Callback", "Lines", "Progress", "progress_wanted"]
