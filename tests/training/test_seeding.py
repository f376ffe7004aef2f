"""The same seed, the same run."""

import os
import random

import numpy
import torch
from tests.training.small_job import Line, Make, entries

from trainspec.training.callbacks import Callback


class Draws(Callback):
    """Draws from every generator at each update."""

    def __init__(self) -> None:
        self.drawn: list[tuple[float, float, float]] = []

    def on_step_end(self, args: object, state: object) -> None:
        self.drawn.append((random.random(), numpy.random.rand(), torch.rand(()).item()))


def test_seed_covers_python_numpy_and_torch(make_trainer: Make) -> None:
    runs = []
    for seed in (5, 5, 6):
        random.seed(seed * len(runs))
        draws = Draws()
        trainer = make_trainer(model=Line(dropout=0.5), seed=seed, callbacks=[draws], logging_steps=1)
        torch.rand(3)
        trainer.train()
        runs.append((draws.drawn, [entry["loss"] for entry in entries(trainer, "loss")]))
    assert runs[0] == runs[1]
    for kind in range(3):
        assert runs[0][0][0][kind] != runs[2][0][0][kind]


def test_full_determinism_asks_torch_for_deterministic_algorithms(make_trainer: Make) -> None:
    assert not torch.are_deterministic_algorithms_enabled()
    make_trainer()
    assert not torch.are_deterministic_algorithms_enabled()
    make_trainer(full_determinism=True)
    assert torch.are_deterministic_algorithms_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert torch.backends.cudnn.deterministic and not torch.backends.cudnn.benchmark
