"""Dropping the keys that a model does not take."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import nn

from trainspec.training.data.rows import is_table, makes_its_own_columns
from trainspec.training.errors import UnusedColumnsError
from trainspec.training.model.inside import base_of

Collator = Callable[[Sequence[Any]], Any]

# Collators make `labels` of these.
_LABELS_IN_ROWS = ("label", "label_ids")


def accepted_names(model: nn.Module) -> set[str] | None:
    """What forward takes by name; None where it takes anything.

    A forward of Hugging Face transformers names all that a batch may hold: its `**kwargs` are for other things.
    """
    inner = base_of(model)
    taken = inspect.signature(inner.forward).parameters
    takes_any = any(entry.kind is inspect.Parameter.VAR_KEYWORD for entry in taken.values())
    if takes_any and not hasattr(inner, "main_input_name"):
        return None
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {name for name, entry in taken.items() if entry.kind not in variable}


def inputs_among(accepted: set[str], labels: Iterable[str]) -> set[str]:
    """What a model takes besides labels, of which alone it computes nothing unless it takes nothing else."""
    return accepted.difference(labels, _LABELS_IN_ROWS) or accepted


def both_sides(keys: Iterable[str], accepted: set[str]) -> str:
    """What to tell the user when no key of the rows is an input of the model."""
    return f"the rows hold {sorted(keys)}, the model's forward takes {sorted(accepted)}: no input is in both"


class ColumnFilter:
    """A collator that first drops from mapping rows what the model does not take; labels always stay."""

    def __init__(self, collator: Collator, accepted: set[str], labels: Sequence[str]) -> None:
        self._collator = collator
        self._kept = accepted.union(labels, _LABELS_IN_ROWS)
        self._accepted = accepted
        self._inputs = inputs_among(accepted, labels)

    def __call__(self, rows: Sequence[Any]) -> Any:
        if not isinstance(rows[0], (dict, Mapping)):
            return self._collator(rows)
        if self._inputs.isdisjoint(rows[0]):
            raise UnusedColumnsError(
                f"{both_sides(rows[0], self._accepted)}. Rename the keys, or set remove_unused_columns: false if the "
                "data_collator makes the model's inputs."
            )
        if self._kept.issuperset(rows[0]):
            return self._collator(rows)
        return self._collator([{key: value for key, value in row.items() if key in self._kept} for row in rows])

    def narrowed(self, dataset: Any) -> Any:
        """A table of Hugging Face without what would be dropped from each row, so that it is not read; others as is."""
        if not is_table(dataset) or makes_its_own_columns(dataset):
            return dataset
        dropped = [name for name in dataset.column_names if name not in self._kept]
        if not dropped or self._inputs.isdisjoint(dataset.column_names):
            return dataset
        return dataset.remove_columns(dropped)
