"""A toy problem for one optimizer at a time: a network with an embedding, a norm and matrices, batches by number."""

import io
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from trainspec import TrainingArguments
from trainspec.training.optimizers import build_optimizer, safe_types
from trainspec.training.optimizers.behaviour import backward, training_mode

WIDTH, INNER, CLASSES = 32, 144, 4
COMPILED = {"adamw_torch_8bit", "adamw_torch_4bit"}


class Network(nn.Module):
    """The `up` matrix has more than 4096 entries, from where on 8-bit states really are 8-bit."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.words = nn.Embedding(11, WIDTH, dtype=dtype)
        self.norm = nn.LayerNorm(WIDTH, dtype=dtype)
        self.up = nn.Linear(WIDTH, INNER, dtype=dtype)
        self.down = nn.Linear(INNER, WIDTH, dtype=dtype)
        self.head = nn.Linear(WIDTH, CLASSES, dtype=dtype)

    def forward(self, words: Tensor) -> Tensor:
        hidden = self.norm(self.words(words).mean(dim=1))
        logits: Tensor = self.head(hidden + self.down(self.up(hidden).tanh()))
        return logits


class OfTwoShapes(nn.Module):
    """Learns the same with a matrix and two vectors: torchao compiles an update for each shape, which takes seconds."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.words = nn.Embedding(INNER, WIDTH, dtype=dtype)
        self.norm = nn.LayerNorm(WIDTH, dtype=dtype)

    def forward(self, words: Tensor) -> Tensor:
        hidden: Tensor = self.norm(self.words(words).mean(dim=1))
        return hidden @ self.words.weight[-CLASSES:].T


def settings(optim: str, **changes: Any) -> TrainingArguments:
    usual: dict[str, Any] = {"use_cpu": True, "learning_rate": 1e-2, "report_to": "none", "max_grad_norm": 0}
    return TrainingArguments(optim=optim, **{**usual, **changes})


def loss_of(model: nn.Module, number: int) -> Tensor:
    words = torch.randint(0, 11, (8, 3), generator=torch.Generator().manual_seed(number))
    return nn.functional.cross_entropy(model(words).float(), words[:, 0] % CLASSES)


def train(model: nn.Module, optimizer: Optimizer, numbers: range) -> list[float]:
    """One update a batch, as the loop does them; the losses before each."""
    losses = []
    for number in numbers:
        loss = loss_of(model, number)
        backward(optimizer, loss, torch.autograd.backward)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def started(args: TrainingArguments, dtype: torch.dtype = torch.float32) -> tuple[nn.Module, Optimizer]:
    model = OfTwoShapes(dtype) if args.optim in COMPILED else Network(dtype)
    optimizer = build_optimizer(model, args)
    training_mode(optimizer)
    return model, optimizer


def stored(value: Any, optim: str) -> Any:
    """Through a file, and back by torch's safe loading."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    with torch.serialization.safe_globals(safe_types(optim)):
        return torch.load(buffer, map_location="cpu", weights_only=True)


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left)
