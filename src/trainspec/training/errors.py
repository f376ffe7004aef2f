"""What can stop a run that its author can put right; the message says how."""

from __future__ import annotations


class TrainingError(Exception):
    """The base of them all: a command shows the message without a traceback."""


class ModelOutputError(TrainingError, TypeError):
    """The model returned something in which no loss can be found."""


class CollationError(TrainingError, ValueError):
    """Rows that do not fit into one batch."""


class UnusedColumnsError(TrainingError, ValueError):
    """None of a row's keys is taken by the model."""


class NoBatchesError(TrainingError, ValueError):
    """There was nothing to train or evaluate on."""


class UnknownMetricError(TrainingError, ValueError):
    """metric_for_best_model names what evaluation does not return."""


class MetricError(TrainingError, TypeError):
    """A metric that is nothing a log can hold."""


class OutputsError(TrainingError, ValueError):
    """Predictions or labels of several batches that cannot be joined into one."""


class OtherProcessError(TrainingError):
    """Another process of the run failed in what all wait for; the message has its rank and what it said."""


class NoModelError(TrainingError, ValueError):
    """A command that does not train found no trained model."""


class NonFiniteError(TrainingError, ArithmeticError):
    """A loss or a gradient is nan or infinite."""


class SearchError(TrainingError, ValueError):
    """A hyperparameter search that cannot be done."""


class TakenOverError(TrainingError):
    """Another run writes to output_dir, and took this one for dead."""


class SavesFailedError(TrainingError):
    """More checkpoints in a row could not be saved than save_failures_allowed allows."""
