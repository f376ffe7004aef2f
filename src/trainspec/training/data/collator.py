"""Rows into a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy
import torch
from torch import Tensor

from trainspec.training.errors import CollationError

_LABEL_KEYS = {"label": "labels", "label_ids": "labels"}


def collate(rows: Sequence[Any]) -> Any:
    """Stack rows: mappings key by key, tuples position by position, tensors and numbers directly.

    As people's data expects it, `label` and `label_ids` become `labels`, and text is left out.
    """
    first = rows[0]
    if isinstance(first, Mapping):
        kept = [key for key in first if not isinstance(first[key], str | None)]
        return {_LABEL_KEYS.get(key, key): _stack([row[key] for row in rows], key) for key in kept}
    if isinstance(first, (tuple, list)):
        return tuple(_stack(column, index) for index, column in enumerate(zip(*rows, strict=True)))
    return _stack(rows, "row")


def _stack(values: Sequence[Any], name: object) -> Tensor:
    try:
        return torch.stack([_tensor(value) for value in values])
    except (RuntimeError, TypeError, ValueError) as error:
        shapes = sorted({str(tuple(numpy.shape(value))) for value in values if not isinstance(value, Sequence)})
        lengths = sorted({len(value) for value in values if isinstance(value, Sequence)})
        seen = f"shapes {', '.join(shapes)}" if shapes else f"lengths {lengths}"
        raise CollationError(
            f"{name!r} cannot be stacked into a batch ({seen}): {error}. Pass a data_collator that pads or converts it."
        ) from error


def _tensor(value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        return torch.as_tensor(value)
    return torch.tensor(value)
