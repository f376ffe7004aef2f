"""What processes hold of what they evaluate does not grow with the rows where settings bound it."""

import tempfile
from typing import Any

import pytest
import torch
from tests.plan.scale.held import give_back_at_once, in_memory
from tests.training.parallel.world import run_in
from tests.training.ranks import small_trainer
from tests.training.small_job import Line, Rows
from torch import Tensor

ROWS, BATCH, WIDTH, RANKS = 96, 2, 1 << 17, 2
# Bytes of the predictions of a step of all processes.
STEP = RANKS * BATCH * WIDTH * 8


class Wide(Line):
    """Gives wide predictions, and notes what the process has in memory when it is asked for more."""

    def __init__(self) -> None:
        super().__init__(torch.float64)
        self.held: list[int] = []

    def forward(self, *args: Any, **given: Any) -> dict[str, Tensor]:
        self.held.append(in_memory())
        found = super().forward(*args, **given)
        return {**found, "logits": found["logits"].expand(-1, WIDTH).clone()}


def counted(prediction: Any, compute_result: bool) -> dict[str, float]:
    return {"width": float(prediction.predictions.shape[-1])} if compute_result else {}


def at_once(prediction: Any) -> dict[str, float]:
    return counted(prediction, compute_result=True)


def growth(changes: dict[str, Any]) -> float:
    """Of what this process has in memory from the fourth step to the last, in steps."""
    give_back_at_once()
    with tempfile.TemporaryDirectory() as folder:
        model, rows = Wide(), Rows(ROWS, torch.float64)
        small_trainer(folder, model=model, eval_dataset=rows, per_device_eval_batch_size=BATCH, **changes).evaluate()
    return (model.held[-1] - model.held[3]) / STEP


@pytest.mark.parametrize(
    ("changes", "is_bounded"),
    [
        pytest.param({"prediction_loss_only": True}, True, id="losses", marks=pytest.mark.long_distributed),
        pytest.param({"batch_eval_metrics": True, "compute_metrics": counted}, True, id="by batch"),
        # All of them are asked for at once, by the main process alone.
        pytest.param({"compute_metrics": at_once}, False, id="all", marks=pytest.mark.long_distributed),
    ],
)
def test_memory(changes: dict[str, Any], is_bounded: bool) -> None:
    main, *others = run_in(RANKS, growth, changes)
    assert main < 4 if is_bounded else main > ROWS // BATCH // RANKS / 2
    assert max(others) < 4, others
