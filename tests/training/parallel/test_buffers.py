"""What a layer keeps of its own process's rows: an evaluation, and what is saved, is of one model all the same."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.parallel.labelled import CLASSES, PLACES, WIDTH, rows, settings
from tests.training.parallel.world import run_in
from torch import Tensor, nn

from trainspec import Trainer


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm = nn.BatchNorm1d(WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)
        self.double()

    def forward(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.head(self.norm(inputs.flatten(0, 1)))
        return nn.functional.cross_entropy(scores, labels.flatten()), scores.view(-1, PLACES, CLASSES)


def evaluated(out: str, more: dict[str, Any]) -> tuple[float, dict[str, Tensor]]:
    args = settings(output_dir=out, per_device_train_batch_size=3, **more)
    trainer = Trainer(Normed(), args, train_dataset=rows(40), eval_dataset=rows(9))
    trainer.train()
    loss = trainer.evaluate()["eval_loss"]
    return loss, dict(trainer.parts.strategy.weights())


def alone(weights: dict[str, Tensor], out: str) -> float:
    model = Normed()
    model.load_state_dict(weights)
    loss: float = Trainer(model, settings(output_dir=out), eval_dataset=rows(9)).evaluate()["eval_loss"]
    return loss


@pytest.mark.parametrize("more", [{}, {"fsdp": "full_shard", "fsdp_config": {"min_num_params": 1}}])
def test_an_evaluation_is_of_what_is_saved(tmp_path: Path, more: dict[str, Any]) -> None:
    (loss, weights), (other, _) = run_in(2, evaluated, str(tmp_path), more)
    assert loss == other == pytest.approx(alone(weights, str(tmp_path)), abs=1e-12)
