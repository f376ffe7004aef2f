"""The loss of one batch: the model's own, the user's function, or smoothed cross-entropy."""

from __future__ import annotations

import inspect
import logging
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from trainspec.training.errors import ModelOutputError
from trainspec.training.findings.found import found
from trainspec.training.loss.label_smoothing import LabelSmoother, logits_of, unfit_labels
from trainspec.training.model import outputs
from trainspec.training.model.inside import base_of, positional_inputs, shifts_labels, takes_item_count
from trainspec.training.model.signatures import first_name, takes

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments

logger = logging.getLogger(__name__)

LossFunction = Callable[..., Tensor]


class Losses:
    """What Trainer.compute_loss does, and what it has to remember: with past_index, the model's last memory."""

    def __init__(self, args: TrainingArguments, label_names: list[str], own: LossFunction | None) -> None:
        self.names = label_names
        self._own = own
        # Losses as torch has them, modules or functions, are of (input, target).
        self._own_reads_scores = own is not None and first_name(own) == "input"
        self._args = args
        factor = args.label_smoothing_factor
        self.smoother: Any = LabelSmoother(epsilon=factor) if factor else None
        self._past_index = args.past_index
        self._past: Any = None
        # The model that was asked last whether it takes a count of items, and its answer.
        self._takes_count: tuple[weakref.ref[nn.Module], bool] | None = None

    @property
    def counts_items(self) -> bool:
        """Whether the loss of a batch divides by the items of the whole window itself."""
        return self._own is not None or self.smoother is not None

    def reads_items(self, model: nn.Module) -> bool:
        """Whether `compute` does anything with a count of items."""
        return self.counts_items or self._takes_item_count(model)

    def _takes_item_count(self, model: nn.Module) -> bool:
        """As the model says once for a row of batches: to ask it in every step takes time."""
        if self._takes_count is None or self._takes_count[0]() is not model:
            self._takes_count = weakref.ref(model), takes_item_count(model)
        return self._takes_count[1]

    def forget(self) -> None:
        """Start a new row of batches: the memory of the last ones does not belong to it."""
        self._past = self._takes_count = None

    def remembering(self, batch: Any) -> Any:
        """The batch with the model's last memory as `mems`."""
        if self._past is None or not isinstance(batch, (dict, Mapping)):
            return batch
        return {**batch, "mems": self._past}

    def compute(self, model: nn.Module, batch: Any, items: Tensor | None) -> tuple[Tensor, Any]:
        """The loss, a tensor without dimension, and all that the model returned."""
        labels = outputs.labels_of(batch, self.names) if self.counts_items else None
        whole = batch
        if labels is not None:
            batch = self._without_labels(model, batch)
        try:
            known = {"num_items_in_batch": items} if items is not None and self._takes_item_count(model) else {}
            returned = outputs.call(model, batch, **known)
        except TypeError as error:
            if labels is None and (reason := _no_place_for_labels(model, batch, self.names)) is not None:
                raise ModelOutputError(reason) from error
            raise
        if self._past_index >= 0:
            self._past = outputs.at(returned, self._past_index)
        if labels is None:
            return outputs.loss_of(returned), returned
        if self._own is not None:
            return self._from_own(self._own, returned, labels, items), returned
        assert self.smoother is not None
        if (reason := unfit_labels(returned, labels)) is not None:
            self._stop_smoothing(reason)
            return self.compute(model, whole, items)
        counted = {"num_items_in_batch": items} if takes(self.smoother.__call__, "num_items_in_batch") else {}
        smoothed: Tensor = self.smoother(returned, labels, shift_labels=shifts_labels(model), **counted)
        return smoothed.reshape(()), returned

    def _from_own(self, own: LossFunction, returned: Any, labels: Any, items: Tensor | None) -> Tensor:
        known = {"num_items_in_batch": items} if takes(own, "num_items_in_batch") else {}
        scores = logits_of(returned) if self._own_reads_scores and not isinstance(returned, Tensor) else returned
        loss = own(scores, labels, **known)
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            what = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
            raise ModelOutputError(f"compute_loss_func returned {what}; a loss is a tensor with one number")
        return loss.reshape(())

    def _stop_smoothing(self, reason: str) -> None:
        """From the first batch on the labels are no classes: the model's own loss is the only one there is."""
        self.smoother = None
        warning = found(
            self._args,
            "RUN158",
            f"label smoothing is off: {reason}",
            "label_smoothing_factor",
            remedy="leave label_smoothing_factor out, or smooth in compute_loss_func",
            severity="warning",
        )
        logger.warning("%s", warning.render())

    def _without_labels(self, model: nn.Module, batch: Any) -> Any:
        """So that the model does not compute a loss of its own; a forward that insists on its labels keeps them."""
        if isinstance(batch, Mapping):
            needed = {name for name in self.names if _is_required(model, name)}
            return {key: value for key, value in batch.items() if key not in self.names or key in needed}
        if isinstance(batch, (tuple, list)) and positional_inputs(model) < len(batch):
            return batch[:-1]
        return batch


def _no_place_for_labels(model: nn.Module, batch: Any, names: list[str]) -> str | None:
    """What to tell where forward cannot be given the labels, and nobody else makes a loss of them."""
    forward, taken = f"{type(base_of(model)).__name__}.forward", positional_inputs(model)
    if isinstance(batch, (tuple, list)) and 1 < len(batch) > taken:
        why = f"{forward} takes {taken} of the {len(batch)} things in a batch, the last of which are the labels"
    elif isinstance(batch, Mapping) and not any(name in batch and takes(model.forward, name) for name in names):
        why = f"{forward} does not take the labels of a batch"
    else:
        return None
    return f"{why}: pass compute_loss_func to the Trainer, as in compute_loss_func=torch.nn.CrossEntropyLoss()"


def _is_required(model: nn.Module, name: str) -> bool:
    entry = inspect.signature(base_of(model).forward).parameters.get(name)
    return entry is not None and entry.default is inspect.Parameter.empty
