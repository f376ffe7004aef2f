"""Predictions as lines of JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.storage import Store
    from trainspec.training.evaluation.results import PredictionOutput

FILE = "predictions.jsonl"


def write_predictions(store: Store, output: PredictionOutput) -> None:
    """One line a row: what was predicted and, where known, the label. Scores of classes become the likeliest class."""
    lines = (json.dumps(row) + "\n" for row in _rows(output))
    store.write_bytes(FILE, "".join(lines).encode())


def _rows(output: PredictionOutput) -> Iterator[dict[str, Any]]:
    predicted, labels = _decided(output.predictions, output.label_ids), output.label_ids
    for number in range(_length(predicted)):
        row = {"row": number, "prediction": _plain(predicted, number)}
        yield row if labels is None else row | {"label": _plain(labels, number)}


def _decided(predictions: Any, labels: Any) -> Any:
    if not isinstance(predictions, numpy.ndarray) or not isinstance(labels, numpy.ndarray):
        return predictions
    are_scores = predictions.ndim == labels.ndim + 1 and numpy.issubdtype(labels.dtype, numpy.integer)
    return predictions.argmax(axis=-1) if are_scores else predictions


def _length(values: Any) -> int:
    if isinstance(values, tuple):
        return min((_length(value) for value in values), default=0)
    return 0 if values is None else len(values)


def _plain(values: Any, number: int) -> Any:
    if isinstance(values, tuple):
        return [_plain(value, number) for value in values]
    return values[number].tolist() if isinstance(values, numpy.ndarray) else values[number]
