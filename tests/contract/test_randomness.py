"""The same seed, the same run; another seed, another run; and bit for bit where it is asked for."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from tests.training.small_job import Line, Make, entries, weights

from trainspec.training.callbacks import TrainerCallback


class Draws(TrainerCallback):
    """Draws from every generator at each update."""

    def __init__(self) -> None:
        self.drawn: list[tuple[float, ...]] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.drawn.append((random.random(), float(numpy.random.rand()), torch.rand(()).item()))


def test_seed_same_seed_same_run(make_trainer: Make) -> None:
    runs = []
    for seed in (7, 7, 8):
        random.seed()
        numpy.random.seed()
        torch.seed()
        draws = Draws()
        trainer = make_trainer(model=Line(dropout=0.5), seed=seed, callbacks=[draws], logging_steps=1)
        trainer.train()
        runs.append((trainer, draws.drawn, [entry["loss"] for entry in entries(trainer, "loss")], trainer.model.seen))
    first, second, other = runs
    assert first[1:] == second[1:]
    assert all(torch.equal(value, weights(second[0])[name]) for name, value in weights(first[0]).items())
    assert other[2] != first[2] and other[3] != first[3]
    assert all(mine != theirs for mine, theirs in zip(first[1][0], other[1][0], strict=True))


def test_seed_makes_the_same_model_each_time(make_trainer: Make) -> None:
    def build() -> torch.nn.Module:
        model = Line()
        torch.nn.init.normal_(model.layer.weight)
        return model

    first, second = (make_trainer(model_init=build, seed=5, learning_rate=0.0) for _ in range(2))
    start = weights(first)["layer.weight"]
    assert torch.equal(start, weights(second)["layer.weight"])
    first.train()
    first.train()
    assert torch.equal(start, weights(first)["layer.weight"])


class Unordered(Line):
    """Puts two values into one place, which has no order of its own."""

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, torch.Tensor]:
        torch.zeros(2).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))
        return super().forward(*args, **kwargs)


def test_full_determinism_refuses_what_may_differ(make_trainer: Make) -> None:
    make_trainer(model=Unordered()).train()
    with pytest.raises(RuntimeError, match="deterministic"):
        make_trainer(model=Unordered(), full_determinism=True).train()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert torch.backends.cudnn.deterministic and not torch.backends.cudnn.benchmark


PROGRAM = """
import os, sys, torch
from torch import nn
from trainspec import Trainer, TrainingArguments

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 32), nn.Dropout(0.5), nn.ReLU(), nn.Linear(32, 1))
    def forward(self, inputs, labels):
        return nn.functional.mse_loss(self.layers(inputs), labels)

generator = torch.Generator().manual_seed(0)
rows = [{"inputs": torch.randn(4, generator=generator), "labels": torch.ones(1)} for _ in range(32)]
args = TrainingArguments(sys.argv[1], report_to="none", save_strategy="no", disable_tqdm=True, use_cpu=True,
    full_determinism=True, logging_steps=1, seed=11)
trainer = Trainer(args=args, model_init=Net, train_dataset=rows)
trainer.train()
print("BITS", b"".join(value.numpy().tobytes() for value in trainer.model.state_dict().values()).hex())
"""


def test_full_determinism_two_processes_agree_bit_for_bit(tmp_path: Path) -> None:
    bits = set()
    for number in range(2):
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / str(number))]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        bits |= {line for line in output.splitlines() if line.startswith("BITS")}
    assert len(bits) == 1 and len(bits.pop()) > 1000
