"""Where in the training data a run is: in rows of an epoch, which no batch size and no number of processes changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy
from torch import Tensor

from trainspec.training.errors import TrainingError
from trainspec.training.model.counting import count_rows


class DataPositionError(TrainingError, ValueError):
    """A run cannot go on at the row where it stopped."""


@dataclass(frozen=True)
class DataPosition:
    """The first `rows` rows in the order of `epoch` are used up, by all processes together.

    What that order is follows from `seed` and `length`, the rows of an epoch (None: it has no length); where rows of
    similar length stand together, from the rows of an update, `grouping`, which it was made with; and where several
    workers read a stream in turn, from their number and their batch size, `readers`; `keyed`: whether each place of it
    is computed. `order` tells somebody else's order from any other. Where each of `streams` processes reads a stream of
    its own, `batches` counts those of each; so does a checkpoint of format 1, instead of rows.
    """

    epoch: int
    rows: int
    seed: int
    length: int | None = None
    grouping: int | None = None
    readers: tuple[int, int] | None = None
    batches: int | None = None
    order: tuple[Any, ...] | None = None
    keyed: bool = False
    streams: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        known = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        unsaid = {"order": None, "keyed": False, "streams": None}
        return {name: value for name, value in known.items() if name not in unsaid or value != unsaid[name]}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """What is unknown in it is passed over."""
        known: dict[str, Any] = {entry.name: document[entry.name] for entry in fields(cls) if entry.name in document}
        listed = {name: known.get(name) for name in ("readers", "order")}
        return cls(**known | {name: None if value is None else tuple(value) for name, value in listed.items()})


def position_of_format_1(
    *,
    epoch: int,
    batch_in_epoch: int,
    batch_size: int,
    seed: int,
    length: int | None = None,
    grouping: int | None = None,
) -> DataPosition:
    """Of a checkpoint that counts the batches of one process, each of `batch_size` rows as far as one knows."""
    rows = batch_in_epoch * batch_size
    capped = rows if length is None else min(rows, length)
    return DataPosition(epoch, capped, seed, length, grouping, batches=batch_in_epoch)


def mismatch(position: DataPosition, now: DataPosition) -> str | None:
    """Why what comes after `position` is not what is left of its epoch now; None where it is.

    Where nothing is used up of the epoch, it may be another one. Lengths are compared where both are known.
    """
    if not position.rows:
        return None
    used = f"{position.rows:,} rows of epoch {position.epoch} were used"
    if None not in (position.length, now.length) and position.length != now.length:
        return f"{used} when the training data had {position.length:,} rows, now it has {now.length:,}"
    if position.seed != now.seed:
        return f"{used} in the order of data seed {position.seed}, now it is {now.seed}"
    if (position.grouping is None) != (now.grouping is None):
        was, is_now = ("grouped by length", "not") if now.grouping is None else ("not grouped by length", "grouped")
        return f"{used} when rows were {was}, now they are {is_now}"
    if position.readers != now.readers:
        return f"{used} of a stream that was read by {_told(position.readers)}, now by {_told(now.readers)}"
    if position.streams != now.streams:
        before, parts = position.streams or 1, now.streams or 1
        return f"{used} of a stream that was cut into {before} parts, now into {parts}"
    return None


def _told(readers: tuple[int, int] | None) -> str:
    return "one process" if readers is None else f"{readers[0]} workers in turn, {readers[1]} rows each"


def rows_of(batch: Any) -> int:
    """How far a batch takes a run; what has no rows that one could count is one step."""
    return count_rows(batch) or 1


def rest_of(batch: Any, used: int) -> Any:
    """A batch without its first `used` rows. Raises DataPositionError for one that cannot be taken apart."""
    rows = count_rows(batch)
    return _columns(batch, used, rows) if isinstance(batch, (tuple, list)) else _rest(batch, used, rows)


def _columns(values: Sequence[Any], used: int, rows: int) -> Any:
    entries = [_rest(entry, used, rows) for entry in values]
    # A named tuple takes its entries one by one.
    return type(values)(*entries) if hasattr(values, "_fields") else type(values)(entries)  # type: ignore[call-arg]


def _rest(value: Any, used: int, rows: int) -> Any:
    if isinstance(value, Mapping):
        return {key: _rest(entry, used, rows) for key, entry in value.items()}
    if isinstance(value, (Tensor, numpy.ndarray)):
        if value.ndim == 0:
            return value
        if value.shape[0] == rows:
            return value[used:]
    elif isinstance(value, (tuple, list)):
        if all(map(_is_plain, value)):
            return value[used:] if len(value) == rows else value
        # As many things as rows may be rows or columns, and nobody can tell.
        if len(value) != rows:
            return _columns(value, used, rows)
    elif _is_plain(value):
        return value
    raise DataPositionError(
        f"the run goes on after row {used} of a batch of {rows}, but a {type(value).__name__} in it cannot be taken "
        "apart by rows: resume with the batch size that the run had, or set ignore_data_skip: true, which begins the "
        "epoch again"
    )


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, bool, int, float))
