"""Cross-entropy against labels that are a little uncertain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from trainspec.training.errors import ModelOutputError


@dataclass
class LabelSmoother:
    """The loss of logits (..., classes) against labels (...): (1 - epsilon) x cross-entropy of the label + epsilon x
    the mean cross-entropy over all classes (Szegedy et al. 2016, "Rethinking the Inception Architecture").

    Labels equal to `ignore_index` do not count. Logits in half precision are taken in float32.
    """

    epsilon: float = 0.1
    ignore_index: int = -100

    def __call__(
        self,
        model_output: Any,
        labels: Tensor,
        shift_labels: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """The sum over labels that count, divided by `num_items_in_batch`, by default their number; a scalar.

        `model_output` is a mapping or an object with `logits`, a tuple that starts with them, or the logits. With
        `shift_labels` each place predicts the label one place on. Without a label that counts the loss is 0.
        """
        logits = logits_of(model_output)
        labels = labels.reshape(logits.shape[:-1])
        if shift_labels:
            logits, labels = logits[..., :-1, :], labels[..., 1:]
        flat = logits.reshape(-1, logits.shape[-1])
        targets = labels.reshape(-1).long()
        total = functional.cross_entropy(
            flat.float() if flat.dtype in (torch.float16, torch.bfloat16) else flat,
            targets,
            ignore_index=self.ignore_index,
            label_smoothing=self.epsilon,
            reduction="sum",
        )
        if num_items_in_batch is None:
            return total / (targets != self.ignore_index).sum().clamp(min=1)
        if isinstance(num_items_in_batch, Tensor):
            num_items_in_batch = num_items_in_batch.to(total.device)
        return total / num_items_in_batch


def unfit_labels(model_output: Any, labels: Any) -> str | None:
    """Why labels are no classes of these scores, which smoothing is about; None where they are."""
    if not isinstance(labels, Tensor):
        return "there are several columns of labels"
    if labels.is_floating_point() or labels.dtype is torch.bool:
        return f"labels of {str(labels.dtype).removeprefix('torch.')} are no classes"
    shape = logits_of(model_output).shape
    if len(shape) and shape[-1] > 1 and labels.numel() == math.prod(shape[:-1]):
        return None
    return f"logits of shape {tuple(shape)} are not one row of scores for each label of shape {tuple(labels.shape)}"


def logits_of(model_output: Any) -> Tensor:
    """The scores in what a model returned that was not given labels. Raises ModelOutputError."""
    if isinstance(model_output, Mapping):
        found = model_output.get("logits")
    elif isinstance(model_output, (tuple, list)):
        found = model_output[0] if model_output else None
    else:
        found = getattr(model_output, "logits", model_output)
    if not isinstance(found, Tensor):
        raise ModelOutputError(
            f"the loss needs logits, and finds none in a model output of type {type(model_output).__name__}: "
            "return a mapping or a dataclass with 'logits', a tuple that starts with them, or the logits themselves"
        )
    return found
