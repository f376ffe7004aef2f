"""How long rows are, and orders in which rows of similar length are neighbours."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy
import torch
from numpy.typing import NDArray

from trainspec.training.data.draws import undisturbed
from trainspec.training.data.rows import is_table, makes_its_own_columns
from trainspec.training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

Lengths = NDArray[numpy.int64]

_MOST_BATCHES = 50
_FEWEST_GROUPS = 4
_USUAL_INPUT = "input_ids"
_ROWS_READ_AT_ONCE = 10_000


class RowLengthError(TrainingError, ValueError):
    """Rows of which nobody can tell how long they are."""


def batches_in_a_group(rows: int, batch_size: int) -> int:
    """Batches among which rows are sorted by length: 50, or fewer so that there are 4 such groups."""
    return max(1, min(rows // (batch_size * _FEWEST_GROUPS), _MOST_BATCHES))


def grouped_order(lengths: Lengths, batch_size: int, generator: torch.Generator | None = None) -> NDArray[numpy.int64]:
    """A permutation of the rows: shuffled, cut into groups of batches, each sorted from the longest to the shortest.

    The batch with the longest row of all comes first, so that what needs too much memory shows at once.
    """
    rows = len(lengths)
    order: NDArray[numpy.int64] = torch.randperm(rows, generator=generator).numpy()
    size = batches_in_a_group(rows, batch_size) * batch_size
    whole = rows - rows % size
    for group in (order[:whole].reshape(-1, size), order[whole:].reshape(1, -1)):
        if group.size:
            group[:] = numpy.take_along_axis(group, _longest_first(lengths[group]), axis=1)
    _swap_longest_batch_to_front(order, lengths, batch_size, size)
    return order


def _longest_first(lengths: Lengths) -> NDArray[Any]:
    """Positions that sort every line of a table from its longest to its shortest; equals stay as they are.

    Length and position are sorted as one number: several times faster than sorting positions by length.
    """
    width, longest = lengths.shape[1], int(lengths.max())
    fits = numpy.dtype(numpy.int32 if (longest + 1) * width < 2**31 else numpy.int64)
    keys: NDArray[Any] = (longest - lengths).astype(fits)
    keys *= width
    keys += numpy.arange(width, dtype=fits)
    keys.sort(axis=1)
    keys %= width
    return keys


def _swap_longest_batch_to_front(order: NDArray[numpy.int64], lengths: Lengths, batch_size: int, size: int) -> None:
    if not len(order):
        return
    # Each group starts with its longest row.
    start = int(lengths[order[::size]].argmax()) * size
    if not start:
        return
    count = min(batch_size, len(order) - start)
    order[:count], order[start : start + count] = order[start : start + count].copy(), order[:count].copy()


def as_lengths(values: Any) -> Lengths:
    """Lengths that somebody gives as numbers. Raises RowLengthError for anything else."""
    try:
        found = numpy.asarray(values.tolist() if isinstance(values, torch.Tensor) else values)
    except (TypeError, ValueError) as error:
        raise RowLengthError(f"lengths: {error}") from error
    if found.ndim != 1 or not numpy.issubdtype(found.dtype, numpy.number) or not (found >= 0).all():
        raise RowLengthError(f"lengths have to be numbers, 0 or above, one a row; these are {found.dtype.name}")
    return found.astype(numpy.int64)


def measure(dataset: Any, column: str | None, input_name: str | None = None) -> Lengths:
    """The length of every row: from `column` where rows have it, else of their main input.

    That is `input_name`, or `input_ids`, or the first key that has a length. Raises RowLengthError where there is none.
    """
    if is_table(dataset) and not makes_its_own_columns(dataset):
        return _of_table(dataset, column, input_name)
    if not len(dataset):
        return numpy.zeros(0, dtype=numpy.int64)
    with undisturbed():
        first = dataset[0]
        if column is not None and column in _keys(first):
            return as_lengths([_entry(dataset[number], column) for number in range(len(dataset))])
        name = main_input(first, input_name)
        logger.info("group_by_length: reading all %s rows for their lengths", f"{len(dataset):,}")
        counted = (len(_entry(dataset[number], name)) for number in range(len(dataset)))
        return numpy.fromiter(counted, dtype=numpy.int64, count=len(dataset))


def main_input(row: Any, input_name: str | None = None) -> str | None:
    """The key of the entry that tells how long a row is; None for a row that is a tuple or a tensor.

    Raises RowLengthError where nothing has a length.
    """
    entries = _keys(row)
    if not entries:
        if _has_length(_entry(row, None)):
            return None
        raise RowLengthError(f"a row of type {type(row).__name__} has no length")
    for name in (input_name, _USUAL_INPUT):
        if name is not None and name in entries and _has_length(entries[name]):
            return name
    found = next((str(key) for key, value in entries.items() if _has_length(value)), None)
    if found is None:
        raise RowLengthError(f"of the row's entries {', '.join(map(repr, entries))} none has a length")
    return found


def _keys(row: Any) -> Mapping[str, Any]:
    if isinstance(row, Mapping):
        return row
    if isinstance(row, (tuple, list, torch.Tensor, numpy.ndarray)):
        return {}
    entries: Mapping[str, Any] = getattr(row, "__dict__", {})
    return entries


def _entry(row: Any, name: str | None) -> Any:
    if name is None:
        return row[0] if isinstance(row, tuple) and row else row
    return row[name] if isinstance(row, Mapping) else getattr(row, name)


def _has_length(value: Any) -> bool:
    if isinstance(value, (torch.Tensor, numpy.ndarray)):
        return value.ndim > 0
    return hasattr(value, "__len__")


def _of_table(table: Any, column: str | None, input_name: str | None) -> Lengths:
    """By columns, so that nothing else of a row is read."""
    if column is not None and column in table.column_names:
        return as_lengths(table.select_columns(column).with_format("numpy")[:][column])
    if not len(table):
        return numpy.zeros(0, dtype=numpy.int64)
    name = main_input(table.with_format(None)[0], input_name)
    narrow = table.select_columns(name)
    return numpy.concatenate([*_chunk_lengths(narrow.with_format("arrow"), str(name))])


def _chunk_lengths(table: Any, name: str) -> Iterator[Lengths]:
    import pyarrow
    from pyarrow import compute

    for chunk in table.iter(batch_size=_ROWS_READ_AT_ONCE):
        values = chunk.column(name)
        kind = values.type
        if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind):
            yield as_lengths(compute.list_value_length(values).to_numpy())
        else:
            yield as_lengths(_lengths(values.to_pylist()))


def _lengths(values: Iterable[Any]) -> list[int]:
    return [len(value) for value in values]
