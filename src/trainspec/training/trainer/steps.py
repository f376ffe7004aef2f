"""One batch: forward, loss and backward when training, forward and loss when evaluating, as people override them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainspec.training.errors import ModelOutputError
from trainspec.training.loss.items import items_of
from trainspec.training.model import outputs
from trainspec.training.model.inside import shifts_labels, takes_item_count
from trainspec.training.model.signatures import takes
from trainspec.training.trainer.inside.hooks import Hooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainspec.training.loss.items import MicroBatchItems


class Steps(Hooks):
    preprocess_logits_for_metrics: Callable[[Any, Any], Any] | None

    def training_step(self, model: nn.Module, inputs: Any, num_items_in_batch: Tensor | None = None) -> Tensor:
        """Forward and backward for one micro-batch; returns its part of the window's mean loss.

        `num_items_in_batch` counts the items of the micro-batch, None where nobody counts them. However the loss of a
        micro-batch comes to be a mean over its own items, `backward` weighs it by them, so that the parts add up to
        the mean over the window.
        """
        known: dict[str, Any] = {}
        if takes(self.compute_loss, "num_items_in_batch"):
            items = self.parts.items
            is_read = items is not None and (self._computes_itself() or self.parts.losses.reads_items(model))
            known["num_items_in_batch"] = self.told_count(items) if items is not None and is_read else None
        prepared = self._prepare_inputs(inputs)
        with self.compute_loss_context_manager():
            loss: Tensor = self.compute_loss(model, prepared, **known)
        parts = self.parts
        parts.part = None
        self.backward(loss)
        if parts.own_step is not None:
            parts.own_step.base_ran = True
        return loss.detach() if parts.part is None else parts.part

    def told_count(self, items: MicroBatchItems) -> Tensor:
        """Of the micro-batch alone: then a loss that divides by it, and one that never looks at it, are both a mean."""
        return items.total.to(self.parts.device) if self.divides_by_window else items.divisor(self.parts.device)

    def backward(self, loss: Tensor) -> None:
        """Gradients of a micro-batch's mean loss as a part of its window's, scaled under fp16.

        For whoever overrides training_step, too: the loss is weighed here by the items of its micro-batch. One that was
        divided by the number of micro-batches before is taken for what it was.
        """
        parts, items = self.parts, self.parts.items
        counts, part = items is None or not items.is_empty, loss
        if items is not None and not self.divides_by_window:
            whole = loss if parts.own_step is None else parts.own_step.whole(loss)
            share = items.share if counts else None
            if share is not None:
                parts.part = parts.strategy.backward_share(whole, share)
                return
            part = items.part_of_window(whole)
        parts.part = part.detach()
        parts.strategy.backward(part if counts else loss, counts=counts)

    def steps_itself(self) -> bool:
        """Whether a subclass brings a training_step of its own."""
        return getattr(self.training_step, "__func__", None) is not Steps.training_step

    def compute_loss_context_manager(self) -> Any:
        """Autocast, as bf16 and fp16 ask for it."""
        return self.autocast_smart_context_manager()

    def compute_loss(
        self, model: nn.Module, inputs: Any, return_outputs: bool = False, num_items_in_batch: Tensor | None = None
    ) -> Any:
        """The mean loss over the items of one batch, of which there are `num_items_in_batch` where that is told; with
        `return_outputs`, what the model returned as well.
        """
        loss, returned = self.parts.losses.compute(model, inputs, num_items_in_batch)
        return (loss, returned) if return_outputs else loss

    def counts_items(self) -> bool:
        """Whether compute_loss wants to know the items of a window, though it be a single batch."""
        own = self._computes_itself() and takes(self.compute_loss, "num_items_in_batch")
        return self.parts.losses.counts_items or own

    def _computes_itself(self) -> bool:
        """Whether somebody has put a compute_loss in the place of ours."""
        return getattr(self.compute_loss, "__func__", None) is not Steps.compute_loss

    def prediction_step(
        self, model: nn.Module, inputs: Any, prediction_loss_only: bool, ignore_keys: list[str] | None = None
    ) -> tuple[Tensor | None, Any, Any]:
        """Loss, predictions and labels of one batch; each None where there is none."""
        inputs = self._prepare_inputs(inputs)
        labels = outputs.labels_of(inputs, self.label_names)
        loss: Tensor | None
        with torch.no_grad(), self.compute_loss_context_manager():
            if labels is not None or self._has_loss_without_labels(inputs):
                answer = self.compute_loss(model, inputs, return_outputs=True, **self._own_count(inputs))
                loss, returned = answer if isinstance(answer, tuple) else _alone(answer, prediction_loss_only)
            else:
                returned = outputs.call(model, inputs)
                loss = outputs.find_loss(returned)
        if prediction_loss_only:
            return loss, None, None
        ignored = ignore_keys if ignore_keys is not None else self.parts.ignored_keys
        given = loss is not None and outputs.find_loss(returned) is not None
        predictions = outputs.predictions_of(returned, without_loss=given, ignored=ignored)
        self.parts.output_names = outputs.prediction_names(returned, ignored)
        if self.preprocess_logits_for_metrics is not None:
            self.parts.output_names = None
            predictions = self.preprocess_logits_for_metrics(predictions, labels)
        return loss, predictions, labels

    def _own_count(self, inputs: Any) -> dict[str, Tensor]:
        """For a loss that divides by the items of its batch: of an evaluation each batch is a window of its own."""
        counts = self.counts_items() or takes_item_count(self.model)
        if not counts or not takes(self.compute_loss, "num_items_in_batch"):
            return {}
        (items,) = items_of([inputs], self.label_names, shifted=shifts_labels(self.model))
        return {"num_items_in_batch": items.divisor(self.parts.device)}

    def _has_loss_without_labels(self, inputs: Any) -> bool:
        asked = inputs.get("return_loss") if isinstance(inputs, Mapping) else None
        # `labels` is what we look for where a model's forward names none; whoever assigns can_return_loss knows better.
        knows_none = not self.label_names or "can_return_loss" in vars(self)
        return knows_none and bool(self.can_return_loss if asked is None else asked)


def _alone(loss: Any, is_enough: bool) -> tuple[Any, Any]:
    """The answer of a compute_loss that is an override, and knows nothing of return_outputs."""
    if not is_enough:
        raise ModelOutputError(
            "compute_loss returned a loss alone, though it was asked for the outputs as well: return (loss, outputs) "
            "where return_outputs is true, or set prediction_loss_only: true"
        )
    return loss, None
