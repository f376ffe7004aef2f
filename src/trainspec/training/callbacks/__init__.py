"""Callbacks and the moments they hear of; `base` draws the order."""

from trainspec.training.callbacks.base import EVENTS, TrainerCallback
from trainspec.training.callbacks.control import ExportableState, TrainerControl
from trainspec.training.callbacks.early_stopping import EarlyStoppingCallback
from trainspec.training.callbacks.flow import DefaultFlowCallback
from trainspec.training.callbacks.handler import CallbackHandler
from trainspec.training.callbacks.nonfinite import StopOnNonFinite
from trainspec.training.callbacks.notebook import NotebookProgressCallback
from trainspec.training.callbacks.printer import PrinterCallback
from trainspec.training.callbacks.profiler import ProfilerCallback
from trainspec.training.callbacks.progress import ProgressCallback, progress_wanted

DEFAULT_CALLBACKS = [DefaultFlowCallback]

__all__ = [
    "DEFAULT_CALLBACKS",
    "EVENTS",
    "CallbackHandler",
    "DefaultFlowCallback",
    "EarlyStoppingCallback",
    "ExportableState",
    "NotebookProgressCallback",
    "PrinterCallback",
    "ProfilerCallback",
    "ProgressCallback",
    "StopOnNonFinite",
    "TrainerCallback",
    "TrainerControl",
    "progress_wanted",
]
