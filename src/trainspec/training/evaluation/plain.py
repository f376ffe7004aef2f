"""Metrics as JSON, logs and trackers can hold them: numbers, texts, lists and mappings of Python's own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

from trainspec.training.errors import MetricError

# What nearly every value is, and stays.
_PLAIN = frozenset({int, float, str, bool, type(None)})
_DEEPEST = 64


def plain_metrics(metrics: Any, source: str) -> dict[str, Any]:
    """Metrics under their names, each as `plain` makes it. None is none at all.

    Raises MetricError, which names `source`, for what is no mapping, and the metric for what cannot be written.
    """
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping):
        raise MetricError(f"{source} gave a {type(metrics).__name__}, not a dict of names and numbers")
    return {str(name): plain(value, str(name)) for name, value in metrics.items()}


def is_plain(entry: Mapping[str, Any]) -> bool:
    return _PLAIN.issuperset(map(type, entry.values()))


def plain(value: Any, name: str) -> Any:
    """Numbers of numpy, torch and Python's libraries as int and float, arrays as lists, at any depth."""
    return _plain(value, name, 0)


def _plain(value: Any, name: str, depth: int) -> Any:
    if type(value) in _PLAIN:
        return value
    if depth > _DEEPEST:
        raise MetricError(f"the metric {name.partition('.')[0]!r} is nested more than {_DEEPEST} deep, or holds itself")
    if isinstance(value, Mapping):
        return {str(key): _plain(entry, f"{name}.{key}", depth + 1) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry, f"{name}.{place}", depth + 1) for place, entry in enumerate(value)]
    number = _number(value)
    if number is not None:
        return number
    if isinstance(value, str):
        return str.__str__(value)
    if hasattr(value, "dtype") and callable(getattr(value, "tolist", None)):
        listed = _listed(value, name)
        if type(listed) is not type(value):
            return _plain(listed, name, depth + 1)
    raise MetricError(
        f"the metric {name!r} is of type {type(value).__name__}, which no log can hold: make it a number, or a list or "
        "a dict of numbers"
    )


def _number(value: Any) -> int | float | None:
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, (Real, Decimal)) else None


def _listed(array: Any, name: str) -> Any:
    try:
        return (array.to_dense() if getattr(array, "is_sparse", False) else array).tolist()
    except Exception as error:  # somebody else's array
        raise MetricError(f"the metric {name!r}, of type {type(array).__name__}, cannot be read: {error}") from error


def flat_numbers(name: str, value: Any) -> Iterator[tuple[str, int | float]]:
    """The numbers of a nest of lists and mappings by path: `f1/macro`, `f1/0`."""
    if isinstance(value, (int, float)):
        yield name, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from flat_numbers(f"{name}/{key}", entry)
    elif isinstance(value, list):
        for place, entry in enumerate(value):
            yield from flat_numbers(f"{name}/{place}", entry)


def without_nonfinite(value: Any) -> Any:
    """What JSON can hold of a plain value: null for nan and infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: without_nonfinite(entry) for key, entry in value.items()}
    return [without_nonfinite(entry) for entry in value] if isinstance(value, list) else value
