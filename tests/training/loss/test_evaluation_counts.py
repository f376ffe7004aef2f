"""A loss that divides by the items it is told of is told them when evaluating too: each batch is its own window."""

from typing import Any

import pytest
import torch
from tests.training.loss.test_items_in_batch import LABELLED, Mean, OverrideThatDivides, Tokens
from tests.training.small_job import Make
from torch import Tensor
from torch.nn import functional


def needs_the_count(outputs: Any, labels: Tensor, num_items_in_batch: Tensor) -> Tensor:
    logits = outputs["logits"].flatten(0, 1)
    return functional.cross_entropy(logits, labels.flatten(), reduction="sum") / num_items_in_batch


class NeedsTheCount(OverrideThatDivides):
    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        assert num_items_in_batch is not None
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        return (loss, {"loss": loss, "logits": loss}) if return_outputs else loss


@pytest.mark.parametrize(
    "way", [{"compute_loss_func": needs_the_count}, {"kind": NeedsTheCount}], ids=["func", "override"]
)
def test_the_items_of_a_batch_are_told(make_trainer: Make, way: dict[str, Any]) -> None:
    rows = Tokens(LABELLED)
    trainer = make_trainer(model=Mean(), eval_dataset=rows, per_device_eval_batch_size=12, **way)
    trainer.model.double()
    inputs = torch.stack([row["inputs"] for row in rows])
    labels = torch.stack([row["labels"] for row in rows])
    true = functional.cross_entropy(trainer.model.layer(inputs).flatten(0, 1), labels.flatten())
    assert trainer.evaluate()["eval_loss"] == pytest.approx(true.item(), rel=1e-12)
