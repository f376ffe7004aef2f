"""Rows into a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from torch import Tensor

from trainspec.training.errors import CollationError

# They work through a tokenizer.
FROM_TRANSFORMERS = (
    "DataCollatorForLanguageModeling",
    "DataCollatorForMultipleChoice",
    "DataCollatorForSeq2Seq",
    "DataCollatorForTokenClassification",
    "DataCollatorWithFlattening",
    "DefaultDataCollator",
)
_LABEL, _LABELS = "label", "label_ids"
_LEFT_OUT = (str, type(None))


def collate(rows: Sequence[Any]) -> Any:
    """Stack rows: mappings and objects key by key, tuples position by position, tensors and numbers directly.

    As people's data expects it, `label` and `label_ids` become `labels`, and text and None are left out. Raises
    CollationError, which names the entry, for what has no common shape.
    """
    first = rows[0]
    if isinstance(first, (dict, Mapping)):
        return _collate_mappings(rows)
    if isinstance(first, (tuple, list)):
        return tuple(_stack(column, index) for index, column in enumerate(zip(*rows, strict=True)))
    if _is_a_value(first):
        return _stack(rows, "row")
    return _collate_mappings([vars(row) for row in rows])


def default_data_collator(features: Sequence[Any], return_tensors: str = "pt") -> dict[str, Any]:
    """A dict of tensors (`pt`) or numpy arrays (`np`) from rows that are mappings or objects with attributes.

    The first row tells which keys there are. `label` and `label_ids` become `labels`: int64 for whole numbers, else
    float32. Text and None are left out.
    """
    if return_tensors not in ("pt", "np"):
        raise ValueError(f"return_tensors is {return_tensors!r}, not 'pt' or 'np'")
    batch = _collate_mappings([row if isinstance(row, Mapping) else vars(row) for row in features])
    return batch if return_tensors == "pt" else {key: value.numpy() for key, value in batch.items()}


@dataclass
class DataCollatorWithPadding:
    """Lets a tokenizer, or whatever else has such a `pad`, fill rows up to a common length.

    `padding`: True or "longest", "max_length" (then to `max_length`), False or "do_not_pad".
    """

    tokenizer: Any
    padding: bool | str = True
    max_length: int | None = None
    pad_to_multiple_of: int | None = None
    return_tensors: str = "pt"

    def __call__(self, features: Sequence[Mapping[str, Any]]) -> Any:
        batch = self._padded(features)
        for name in (_LABEL, _LABELS):
            if name in batch:
                batch["labels"] = batch.pop(name)
        return batch

    def _padded(self, features: Sequence[Mapping[str, Any]]) -> Any:
        # Tokenizers written in Rust advise against pad, once: rows here are encoded already.
        advice = getattr(self.tokenizer, "deprecation_warnings", {})
        before = dict(advice)
        advice["Asking-to-pad-a-fast-tokenizer"] = True
        try:
            return self.tokenizer.pad(
                features,
                padding=self.padding,
                max_length=self.max_length,
                pad_to_multiple_of=self.pad_to_multiple_of,
                return_tensors=self.return_tensors,
            )
        finally:
            advice.clear()
            advice.update(before)


def collator_for(processing_class: Any) -> Any:
    """What makes batches when the user gives no data_collator: padding where there is a tokenizer, else stacking."""
    return DataCollatorWithPadding(processing_class) if callable(getattr(processing_class, "pad", None)) else collate


def _collate_mappings(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first = rows[0]
    kept = [key for key in first if not isinstance(first[key], _LEFT_OUT)]
    batch = {key: _stack(_column(rows, key), key) for key in kept if key not in (_LABEL, _LABELS)}
    source = next((key for key in (_LABEL, _LABELS) if key in kept), None)
    if source is not None and "labels" not in batch:
        batch["labels"] = _as_labels(_stack(_column(rows, source), source))
    return batch


def _column(rows: Sequence[Mapping[str, Any]], key: str) -> list[Any]:
    try:
        return [row[key] for row in rows]
    except KeyError:
        lacking = next(row for row in rows if key not in row)
        raise CollationError(
            f"the first row of the batch holds {key!r}, another one only {sorted(map(str, lacking))}: "
            "rows of one batch need the same keys"
        ) from None


def _as_labels(labels: Tensor) -> Tensor:
    return labels.float() if labels.is_floating_point() else labels.long()


def _is_a_value(row: Any) -> bool:
    return isinstance(row, (Tensor, numpy.ndarray, numpy.generic, bool, int, float, complex)) or not hasattr(
        row, "__dict__"
    )


def _stack(values: Sequence[Any], name: object) -> Tensor:
    try:
        return _stacked(values)
    except (RuntimeError, TypeError, ValueError) as error:
        shapes = sorted({str(tuple(numpy.shape(value))) for value in values if not isinstance(value, Sequence)})
        lengths = sorted({len(value) for value in values if isinstance(value, Sequence)})
        seen = f"shapes {', '.join(shapes)}" if shapes else f"lengths {lengths}"
        raise CollationError(
            f"{name!r} cannot be stacked into a batch ({seen}): {error}. Pass a data_collator that pads or converts it."
        ) from error


def _stacked(values: Sequence[Any]) -> Tensor:
    first = values[0]
    if isinstance(first, Tensor):
        try:
            return torch.stack(values)  # type: ignore[arg-type]
        except TypeError:
            # Not all of them are tensors, which is not worth a look at each of every batch.
            return torch.stack([value if isinstance(value, Tensor) else torch.as_tensor(value) for value in values])
    if isinstance(first, (numpy.ndarray, numpy.generic)):
        return torch.as_tensor(numpy.stack(values))
    if isinstance(first, Sequence) and any(isinstance(value, (Tensor, numpy.ndarray)) for value in first):
        return torch.stack([_stacked(value) for value in values])
    return torch.tensor(values)


def __getattr__(name: str) -> Any:
    """Those of transformers, where it is installed. Raises ImportError, which says what is missing, elsewhere."""
    if name not in FROM_TRANSFORMERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import transformers
    except ImportError as error:
        raise ImportError(
            f"{name} works through a tokenizer and comes from transformers, which is not installed here: "
            "pip install transformers"
        ) from error
    return getattr(transformers, name)
