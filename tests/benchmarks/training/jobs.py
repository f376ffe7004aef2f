"""What the loops train: a model so small that only the loop costs anything, and a small transformer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

FEATURES = 64
LAYERS, WIDTH, HEADS, TOKENS, VOCABULARY = 4, 256, 4, 64, 1000


class SameRows(Dataset[dict[str, Tensor]]):
    """The same row over and over: whatever order a loop draws, all of them must end with the same weights."""

    def __init__(self, inputs: Tensor, labels: Tensor, count: int) -> None:
        self._inputs, self._labels = (value.expand(count, *value.shape) for value in (inputs, labels))

    def __len__(self) -> int:
        return len(self._inputs)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"inputs": self._inputs[index], "labels": self._labels[index]}


class Stamped(nn.Module):
    """A model that notes when each of its forward passes begins: a step is from one to the next, in any loop."""

    def __init__(self) -> None:
        super().__init__()
        self.clock: Callable[[], float] = time.perf_counter
        self.stamps: list[float] = []

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        self.stamps.append(self.clock())
        logits = self.logits(inputs)
        return {"loss": self.loss(logits, labels), "logits": logits}

    def logits(self, inputs: Tensor) -> Tensor:
        raise NotImplementedError

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        raise NotImplementedError


class Tiny(Stamped):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(FEATURES, FEATURES)

    def logits(self, inputs: Tensor) -> Tensor:
        return self.layer(inputs)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return functional.mse_loss(logits, labels)


class Transformer(Stamped):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        layers = [
            nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout=0.0, batch_first=True, norm_first=True)
            for _ in range(LAYERS)
        ]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(WIDTH, VOCABULARY)

    def logits(self, inputs: Tensor) -> Tensor:
        return self.head(self.layers(self.embedding(inputs)))

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(logits.flatten(0, 1), labels.flatten())


@dataclass(frozen=True)
class Job:
    """One model on one set of rows, for one epoch of `steps` updates, timed by `clock`."""

    build: Callable[[], Stamped]
    inputs: Tensor
    labels: Tensor
    batch_size: int
    steps: int
    clock: Callable[[], float] = time.perf_counter

    def model(self) -> Stamped:
        torch.manual_seed(1)
        model = self.build()
        model.clock = self.clock
        return model

    def rows(self, count: int | None = None) -> SameRows:
        return SameRows(self.inputs, self.labels, count or self.steps * self.batch_size)


def tiny_job(steps: int = 1) -> Job:
    generator = torch.Generator().manual_seed(1)
    inputs, labels = torch.randn(2, FEATURES, generator=generator)
    return Job(Tiny, inputs, labels, batch_size=8, steps=steps)


def transformer_job(steps: int) -> Job:
    tokens = torch.randint(VOCABULARY, (TOKENS + 1,), generator=torch.Generator().manual_seed(1))
    return Job(Transformer, tokens[:-1], tokens[1:], batch_size=16, steps=steps)
