"""How many rows a batch has, and how many items its mean loss is a mean over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from trainspec.training.model.outputs import labels_of

IGNORED_LABEL = -100
# Without uint8, in which -100 is 156.
_CLASSES = frozenset({torch.int64, torch.int32, torch.int16, torch.int8})


def count_rows(batch: Any, label_names: Sequence[str] = ()) -> int:
    """Rows in a batch: one for each label, else what most of its tensors, arrays and lists agree on; 0 without any.

    A tensor without dimension says nothing, and a table or an adjacency matrix beside the rows is outvoted.
    """
    return _rows(batch, label_names) or 0


def _rows(batch: Any, label_names: Sequence[str]) -> int | None:
    # Nearly every batch ends here: an update must not pay for a vote.
    if isinstance(batch, (dict, Mapping)):
        for name in label_names:
            rows = _length(batch.get(name))
            if rows is not None:
                return rows
    elif isinstance(batch, Tensor):
        return batch.shape[0] if batch.dim() else 1
    elif label_names and isinstance(batch, (tuple, list)) and len(batch) > 1:
        rows = _length(batch[-1])
        if rows is not None:
            return rows
    agreed = _agreed(batch) if isinstance(batch, (dict, tuple, list)) else None
    return agreed if agreed is not None else _voted(list(_lengths(batch, outermost=True)))


def _agreed(batch: Any) -> int | None:
    """What is so almost always: a few tensors, all of one length. None: it takes a closer look."""
    rows = None
    for value in batch.values() if isinstance(batch, dict) else batch:
        if type(value) is not Tensor or not value.dim():
            return None
        length = value.shape[0]
        if rows is None:
            rows = length
        elif rows != length:
            return None
    return rows


def _voted(lengths: list[int]) -> int | None:
    # Of those with as many votes the first.
    return Counter(lengths).most_common(1)[0][0] if lengths else None


def _length(value: Any) -> int | None:
    """Of a tensor, an array or a list; None where it has none, or says nothing of rows."""
    shape = getattr(value, "shape", None)
    if shape is not None:
        return shape[0] if len(shape) else None
    return len(value) if isinstance(value, list) and value else None


def _lengths(value: Any, *, outermost: bool = False) -> Iterator[int]:
    """The lengths of all that a nest holds. A list is a vote itself, but for the one that is the batch."""
    if isinstance(value, (dict, Mapping)):
        for entry in value.values():
            yield from _lengths(entry)
    elif isinstance(value, tuple) or (
        outermost and isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    ):
        for entry in value:
            yield from _lengths(entry)
    elif (length := _length(value)) is not None:
        yield length
    elif outermost and hasattr(value, "__dict__"):
        yield from _lengths(vars(value))


def weigh(batch: Any, names: Sequence[str], *, shifted: bool = False) -> Tensor:
    """The items of a batch that its mean loss is a mean over: a whole number without dimension, where the labels are.

    Class labels count one item each, without the ignored ones (and without the first of each row, where the model
    shifts them), those of several columns together; with other labels, or none, every row is an item.
    """
    found = count_items(batch, names, shifted=shifted)
    return found if isinstance(found, Tensor) else torch.tensor(found)


def count_items(batch: Any, names: Sequence[str], *, shifted: bool = False) -> Tensor | int:
    """The same, as a number where nothing has to be computed for it."""
    counted = labels_that_count(batch, names, shifted=shifted)
    if not counted:
        rows = _rows(batch, names)
        # What nobody can count is one item: batches of such things count alike.
        return 1 if rows is None else rows
    total = counted[0].sum()
    for others in counted[1:]:
        total = total + others.sum().to(total.device)
    return total


def count_rows_and_items(batch: Any, names: Sequence[str], *, shifted: bool = False) -> tuple[int, Tensor | int]:
    """What `count_rows` and `count_items` tell, by one look at the labels."""
    if type(batch) is dict:
        labels = labels_of(batch, names)
        if type(labels) is Tensor and labels.dim():
            rows = labels.shape[0]
            return rows, _counting(labels, shifted=shifted).sum() if labels.dtype in _CLASSES else rows
    return count_rows(batch, names), count_items(batch, names, shifted=shifted)


def _counting(labels: Tensor, *, shifted: bool) -> Tensor:
    return (labels[..., 1:] if shifted and labels.dim() > 1 else labels) != IGNORED_LABEL


def labels_that_count(batch: Any, names: Sequence[str], *, shifted: bool = False) -> list[Tensor]:
    """A mask for each column of class labels, of those that count; none where labels are missing or no classes."""
    labels = labels_of(batch, names)
    columns = labels if isinstance(labels, tuple) else labels.values() if isinstance(labels, Mapping) else (labels,)
    classes = [column for column in columns if isinstance(column, Tensor) and column.dtype in _CLASSES]
    return [_counting(column, shifted=shifted) for column in classes]
