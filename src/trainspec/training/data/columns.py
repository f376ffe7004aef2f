"""Dropping the keys that a model does not take."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainspec.training.errors import UnusedColumnsError

if TYPE_CHECKING:
    from torch import nn

Collator = Callable[[Sequence[Any]], Any]


def accepted_names(model: nn.Module) -> set[str] | None:
    """What forward takes by name; None where it takes anything."""
    taken = inspect.signature(model.forward).parameters
    if any(entry.kind is inspect.Parameter.VAR_KEYWORD for entry in taken.values()):
        return None
    return {name for name, entry in taken.items() if entry.kind is not inspect.Parameter.VAR_POSITIONAL}


class ColumnFilter:
    """A collator that first drops from mapping rows what the model does not take; labels always stay."""

    def __init__(self, collator: Collator, accepted: set[str], labels: Sequence[str]) -> None:
        self._collator = collator
        self._kept = accepted | set(labels) | {"label", "label_ids"}
        self._accepted = accepted

    def __call__(self, rows: Sequence[Any]) -> Any:
        if not isinstance(rows[0], Mapping):
            return self._collator(rows)
        slim = [{key: value for key, value in row.items() if key in self._kept} for row in rows]
        if not self._accepted.intersection(slim[0]):
            raise UnusedColumnsError(
                f"the rows hold {sorted(rows[0])}, the model's forward takes {sorted(self._accepted)}: "
                "no key is in both. "
                "Rename the keys, or set remove_unused_columns: false if the data_collator makes the model's inputs."
            )
        return self._collator(slim)
