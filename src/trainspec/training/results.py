"""What the Trainer's methods return and what compute_metrics receives."""

from __future__ import annotations

from typing import Any, NamedTuple


class EvalPrediction(NamedTuple):
    """What compute_metrics gets: numpy arrays (or tuples of them), or lists of those, one entry a batch."""

    predictions: Any
    label_ids: Any


class EvalLoopOutput(NamedTuple):
    predictions: Any
    label_ids: Any
    metrics: dict[str, float]
    num_samples: int


class PredictionOutput(NamedTuple):
    predictions: Any
    label_ids: Any
    metrics: dict[str, float]


class TrainOutput(NamedTuple):
    global_step: int
    training_loss: float
    metrics: dict[str, float]
