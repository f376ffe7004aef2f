"""The loss of one batch: the model's own, the user's function, or smoothed cross-entropy."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from trainspec.training.loss.label_smoothing import LabelSmoother
from trainspec.training.model import outputs
from trainspec.training.model.inside import base_of, shifts_labels, takes_item_count
from trainspec.training.model.signatures import takes

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments

LossFunction = Callable[..., Tensor]


class Losses:
    """What Trainer.compute_loss does, and what it has to remember: with past_index, the model's last memory."""

    def __init__(self, args: TrainingArguments, label_names: list[str], own: LossFunction | None) -> None:
        self.names = label_names
        self._own = own
        factor = args.label_smoothing_factor
        self.smoother: Any = LabelSmoother(epsilon=factor) if factor else None
        self._past_index = args.past_index
        self._past: Any = None

    @property
    def counts_items(self) -> bool:
        """Whether the loss of a batch divides by the items of the whole window itself."""
        return self._own is not None or self.smoother is not None

    def forget(self) -> None:
        """Start a new row of batches: the memory of the last ones does not belong to it."""
        self._past = None

    def remembering(self, batch: Any) -> Any:
        """The batch with the model's last memory as `mems`."""
        if self._past is None or not isinstance(batch, (dict, Mapping)):
            return batch
        return {**batch, "mems": self._past}

    def compute(self, model: nn.Module, batch: Any, items: Tensor | None) -> tuple[Tensor, Any]:
        """The loss, a tensor without dimension, and all that the model returned."""
        labels = outputs.labels_of(batch, self.names) if self.counts_items else None
        if labels is not None:
            batch = self._without_labels(model, batch)
        returned = outputs.call(model, batch, **_item_keyword(model, items))
        if self._past_index >= 0:
            self._past = outputs.at(returned, self._past_index)
        if labels is None:
            return outputs.loss_of(returned), returned
        return self._from_labels(model, returned, labels, items).reshape(()), returned

    def _from_labels(self, model: nn.Module, returned: Any, labels: Any, items: Tensor | None) -> Tensor:
        if self._own is not None:
            known = {"num_items_in_batch": items} if takes(self._own, "num_items_in_batch") else {}
            return self._own(returned, labels, **known)
        assert self.smoother is not None
        counted = {"num_items_in_batch": items} if takes(self.smoother.__call__, "num_items_in_batch") else {}
        loss: Tensor = self.smoother(returned, labels, shift_labels=shifts_labels(model), **counted)
        return loss

    def _without_labels(self, model: nn.Module, batch: Any) -> Any:
        """So that the model does not compute a loss of its own; a forward that insists on its labels keeps them."""
        if isinstance(batch, Mapping):
            needed = {name for name in self.names if _is_required(model, name)}
            return {key: value for key, value in batch.items() if key not in self.names or key in needed}
        if isinstance(batch, (tuple, list)) and _positional(model) < len(batch):
            return batch[:-1]
        return batch


def _item_keyword(model: nn.Module, items: Tensor | None) -> dict[str, Tensor]:
    return {"num_items_in_batch": items} if items is not None and takes_item_count(model) else {}


def _is_required(model: nn.Module, name: str) -> bool:
    entry = inspect.signature(base_of(model).forward).parameters.get(name)
    return entry is not None and entry.default is inspect.Parameter.empty


def _positional(model: nn.Module) -> int:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(entry.kind in kinds for entry in inspect.signature(base_of(model).forward).parameters.values())
