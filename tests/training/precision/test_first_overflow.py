"""Promise: a first step that overflows leaves nothing behind, also in the fused form of SGD."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, weights


class Large(Rows):
    """Losses that overflow while the scale is as large as it begins."""

    def __init__(self) -> None:
        super().__init__()
        self.targets *= 20


@pytest.mark.parametrize("fused", [True, False])
def test_momentum_begins_with_the_first_step_that_is_made(make_trainer: Make, fused: bool) -> None:
    found: list[Any] = []
    for filled in (1e4, -1e4, float("nan")):
        # What the memory holds that is given out next.
        junk = [torch.full((size,), filled) for size in range(1, 64)]
        del junk
        trainer = make_trainer(
            model=Line(),
            train_dataset=Large(),
            optim="sgd",
            optim_args=f"momentum=0.9,fused={fused}",
            fp16=True,
            learning_rate=1e-5,
            logging_steps=1,
            max_steps=12,
        )
        trainer.train()
        scales = [entry["loss_scale"] for entry in trainer.state.log_history if "loss_scale" in entry]
        assert scales[0] < 65536 and scales[-1] == scales[-2], "the first step overflows, and the last ones do not"
        found.append(weights(trainer)["layer.weight"])
    assert all(torch.equal(found[0], other) for other in found[1:]) and found[0].isfinite().all()
