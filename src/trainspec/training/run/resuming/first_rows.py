"""What the first rows of the training data look like, so that a run does not go on with other data unnoticed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainspec.training import data
from trainspec.training.data.draws import seed_generators
from trainspec.training.data.streaming.marks import mark, named_parts

_ROWS = 3


def first_rows(dataset: Any) -> dict[str, str]:
    """A checksum of each part of the first rows, by row and key; only what another reading of a row gives again.

    Empty for data without numbered rows, which reading would use up. Random generators are as if nothing had been read.
    Bounded: three rows, each read twice, 32 parts of a row and the first 64 kB of a part.
    """
    if data.is_iterable(dataset):
        return {}
    found: dict[str, str] = {}
    for row in range(min(_ROWS, data.row_count(dataset) or 0)):
        one, other = _parts(dataset, row, 1), _parts(dataset, row, 2)
        found |= {f"{row}.{name}": made for name, made in one.items() if other.get(name) == made}
    return found


def other_rows(saved: Mapping[str, Any], here: Mapping[str, str]) -> str | None:
    """The first part of a row that is another one here than it was, as "inputs of row 0"; None where none is.

    Only what both tell is compared: columns may come and go.
    """
    for name, made in here.items():
        if saved.get(name, made) != made:
            row, _, key = name.partition(".")
            return f"{key} of row {row}"
    return None


def _parts(dataset: Any, row: int, seed: int) -> dict[str, str]:
    # Random changes are drawn from the same numbers whenever a row is looked at, and those that two seeds make
    # different are left out.
    with data.undisturbed():
        seed_generators(seed)
        try:
            value = dataset[row]
        # A row that cannot be read is told when it is trained on.
        except Exception:
            return {}
    marks = ((name, mark(part)) for name, part in named_parts(value))
    return {name: made for name, made in marks if made is not None}
