"""A task whose every part is random, and takes a second: dropout, shuffled rows, labels that a metric is made of."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import BaseModel
from torch import Tensor, nn
from torch.utils.data import Dataset

from trainspec.settings.arguments import TrainingArguments
from trainspec.tasks import TaskParts

ROWS, FEATURES, CLASSES = 48, 6, 3


# Where a signal is to come, as "rank:place:how often that has been there before:signal:times"; to ALL ranks, there.
SIGNAL = "SURVIVAL_SIGNAL"
ALL = "all"


class Pace(BaseModel):
    # Of a pass, for signals that are to find a run in the middle of something.
    seconds: float = 0.0
    # So many numbers more in the model, for saves that are sent in parts.
    ballast: int = 0


class Places:
    """Where the run is, and the signal that comes there."""

    def __init__(self) -> None:
        self._been = Counter[str]()

    def at(self, place: str) -> None:
        wanted = os.environ.get(SIGNAL, "")
        if wanted:
            rank, where, before, number, times = wanted.split(":")
            is_here = rank in (ALL, os.environ.get("RANK", "0"))
            if is_here and where == place and self._been[place] == int(before):
                for _ in range(int(times)):
                    signal.raise_signal(int(number))
        self._been[place] += 1


@dataclass
class Rows(Dataset[dict[str, Tensor]]):
    """So many rows, the same for every seed."""

    count: int
    seed: int

    def __post_init__(self) -> None:
        chance = torch.Generator().manual_seed(self.seed)
        self.x = torch.randn(self.count, FEATURES, generator=chance)
        self.labels = (self.x[:, :CLASSES] + 0.5 * torch.randn(self.count, CLASSES, generator=chance)).argmax(-1)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        # A draw of the process that loads: what augments data has its own part in the random streams.
        return {"x": self.x[index] + 0.01 * torch.randn(FEATURES), "labels": self.labels[index]}


class Network(nn.Module):
    def __init__(self, pace: Pace, places: Places) -> None:
        super().__init__()
        self.seconds, self.places = pace.seconds, places
        self.ballast = nn.Parameter(torch.full((pace.ballast,), 1e-3)) if pace.ballast else None
        self.layers = nn.Sequential(
            nn.Linear(FEATURES, 16), nn.GELU(), nn.Dropout(0.2), nn.Linear(16, CLASSES)
        )  # fmt: skip

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        self.places.at("training" if self.training else "evaluating")
        if self.seconds:
            time.sleep(self.seconds)
        logits: Tensor = self.layers(x)
        if self.ballast is not None:
            logits = logits * (1 + self.ballast.mean())
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def accuracy(prediction: Any) -> dict[str, float]:
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


def task(args: TrainingArguments, pace: Pace) -> TaskParts:
    places = Places()
    places.at("beginning")
    return TaskParts(Network(pace, places), Rows(ROWS, 1), Rows(12, 2), Rows(8, 3), compute_metrics=accuracy)
