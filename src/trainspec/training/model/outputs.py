"""What models return and what batches hold: the one place that knows the shapes people use.

A model may return a loss tensor, a tuple that starts with the loss, a mapping or a dataclass with `loss`. A batch may
be a mapping (passed by keyword), a tuple (passed by position) or one tensor.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from trainspec.training.errors import ModelOutputError
from trainspec.training.model.inside import base_of

# Below, `(dict, Mapping)`: most batches and outputs are dicts, which are told ten times quicker than other mappings.


def call(model: nn.Module, batch: Any, **more: Any) -> Any:
    if isinstance(batch, (dict, Mapping)):
        return model(**batch, **more)
    if isinstance(batch, (tuple, list)):
        return model(*batch, **more)
    return model(batch, **more)


def at(outputs: Any, index: int) -> Any:
    """The entry at a place, counted as in a tuple; None where there are fewer."""
    named = _named(outputs)
    entries = list(named.values()) if named is not None else outputs
    return entries[index] if isinstance(entries, (tuple, list)) and index < len(entries) else None


def _named(outputs: Any) -> Mapping[str, Any] | None:
    if isinstance(outputs, (dict, Mapping)):
        return outputs
    if dataclasses.is_dataclass(outputs) and not isinstance(outputs, type):
        return {entry.name: getattr(outputs, entry.name) for entry in dataclasses.fields(outputs)}
    return None


def find_loss(outputs: Any) -> Tensor | None:
    """The loss in what a model returned, None where there is none (as when no labels were given)."""
    named = _named(outputs)
    if named is not None:
        candidate = named.get("loss")
        return candidate if isinstance(candidate, Tensor) and candidate.numel() == 1 else None
    candidate = outputs[0] if isinstance(outputs, (tuple, list)) and outputs else outputs
    # By position, a tensor of shape (1,) may as well be the prediction for one row.
    return candidate if isinstance(candidate, Tensor) and candidate.dim() == 0 else None


def loss_of(outputs: Any) -> Tensor:
    loss = find_loss(outputs)
    if loss is None:
        raise ModelOutputError(
            f"the model returned {_describe(outputs)}; training needs a loss: a tensor with one number and no "
            "dimension, a tuple that starts with it, or a mapping or dataclass with an entry named 'loss' "
            "(are the labels in the batch?). A model that returns no loss needs compute_loss_func, as in "
            "Trainer(..., compute_loss_func=torch.nn.CrossEntropyLoss())"
        )
    return loss if loss.dim() == 0 else loss.reshape(())


def _describe(outputs: Any) -> str:
    named = _named(outputs)
    if named is not None:
        return f"a {type(outputs).__name__} with {', '.join(map(repr, named)) or 'nothing'}"
    if isinstance(outputs, Tensor):
        return f"a tensor of shape {tuple(outputs.shape)}"
    return f"a {type(outputs).__name__}"


def prediction_names(outputs: Any, ignored: Sequence[str] = ()) -> list[str] | None:
    """What `predictions_of` takes of outputs that have names; None of others."""
    named = _named(outputs)
    if named is None:
        return None
    return [key for key, value in named.items() if key != "loss" and key not in ignored and value is not None]


def predictions_of(outputs: Any, *, without_loss: bool, ignored: Sequence[str] = ()) -> Any:
    """Everything but the loss and the ignored keys: one value when there is one, else a tuple."""
    named = _named(outputs)
    if named is not None:
        rest = [named[key] for key in prediction_names(outputs, ignored) or ()]
    elif isinstance(outputs, (tuple, list)):
        rest = list(outputs[1:] if without_loss else outputs)
    else:
        rest = [] if without_loss else [outputs]
    if not rest:
        return None
    return rest[0] if len(rest) == 1 else tuple(rest)


def label_names(model: nn.Module, chosen: Sequence[str] | None) -> list[str]:
    """The batch keys that are labels: the user's, else those that the forward signature calls so."""
    if chosen is not None:
        return list(chosen)
    taken = inspect.signature(base_of(model).forward).parameters
    found = [name for name in taken if "label" in name or name in ("start_positions", "end_positions")]
    return found or ["labels"]


def labels_of(batch: Any, names: Sequence[str]) -> Any:
    """The labels of a batch; in a tuple they come last. None where the batch has none."""
    if isinstance(batch, (dict, Mapping)):
        found = [batch[name] for name in names if batch.get(name) is not None]
        if not found:
            return None
        return found[0] if len(found) == 1 else tuple(found)
    if isinstance(batch, (tuple, list)) and len(batch) > 1:
        return batch[-1]
    return None


def main_input(batch: Any, name: str | None, labels: Sequence[str]) -> Any:
    """What the model reads: the entry of that name, else the first that is no label."""
    if isinstance(batch, (dict, Mapping)):
        if name in batch:
            return batch[name]
        return next((value for key, value in batch.items() if key not in labels), None)
    if isinstance(batch, (tuple, list)):
        return batch[0] if batch else None
    return batch
