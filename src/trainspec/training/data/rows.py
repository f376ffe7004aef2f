"""What a data set is: how many rows it has, whether they have numbers, and what the first one looks like."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any

from torch.utils.data import IterableDataset, get_worker_info

from trainspec.training.data.draws import undisturbed


def row_count(dataset: Any) -> int | None:
    """Rows of a data set, or batches of a loader; None where it does not know."""
    try:
        return len(dataset) if isinstance(dataset, Sized) else None
    except (TypeError, NotImplementedError):
        return None


def is_iterable(dataset: Any) -> bool:
    """Whether rows come one after the other, rather than by their number."""
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__getitem__"):
        return True
    return row_count(dataset) is None


def is_table(dataset: Any) -> bool:
    """Whether it is a `datasets.Dataset` of Hugging Face, which can read single columns."""
    # Who has such a data set has imported the library.
    library = sys.modules.get("datasets")
    return library is not None and isinstance(dataset, library.Dataset)


def makes_its_own_columns(table: Any) -> bool:
    """Whether a function of the user's (`set_transform`) makes a table's rows, so that its columns are not theirs."""
    return bool(table.format["type"] == "custom")


def first_row(dataset: Any) -> Any:
    """Row 0, looked at without a trace; None where there is none, or where looking would take it away."""
    if is_iterable(dataset) or not row_count(dataset):
        return None
    with undisturbed():
        return dataset[0]


def column_names(dataset: Any) -> list[str] | None:
    """The keys of the rows; None where rows have no keys, or where one cannot know without consuming any."""
    known = getattr(dataset, "column_names", None)
    # A data set made for text formats tells a mapping of names for each split.
    if isinstance(known, list) and not (is_table(dataset) and makes_its_own_columns(dataset)):
        return list(known)
    row = first_row(dataset)
    return [str(key) for key in row] if isinstance(row, Mapping) else None


class Streamed(IterableDataset[Any]):
    """Any iterable as a data set. Workers, of which it cannot know, get every n-th row each."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        if worker is None:
            return iter(self.rows)
        return (row for number, row in enumerate(self.rows) if number % worker.num_workers == worker.id)

    def __len__(self) -> int:
        return len(self.rows)  # type: ignore[arg-type]  # raises TypeError where the rows have no length

    def set_epoch(self, epoch: int) -> None:
        tell = getattr(self.rows, "set_epoch", None)
        if callable(tell):
            tell(epoch)
