"""A small job with everything visible: a linear model that remembers the rows it saw."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from trainspec.training.trainer import Trainer

Make = Callable[..., Trainer]


class Rows(Dataset[dict[str, Tensor]]):
    """Rows numbered from 0; inputs and targets follow from the number. `touched` lists what was loaded."""

    def __init__(self, count: int = 24, dtype: torch.dtype = torch.float32) -> None:
        generator = torch.Generator().manual_seed(7)
        self.inputs = torch.randn(count, 4, generator=generator, dtype=dtype)
        self.targets = self.inputs @ torch.tensor([[1.0], [-2.0], [0.5], [3.0]], dtype=dtype)
        self.touched: list[int] = []

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        self.touched.append(index)
        return {"inputs": self.inputs[index], "labels": self.targets[index], "number": torch.tensor(index)}


class Line(nn.Module):
    """Returns a dict; `seen` holds the row numbers of each training batch."""

    def __init__(self, dtype: torch.dtype = torch.float32, dropout: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = nn.Linear(4, 1, dtype=dtype)
        self.dropout = nn.Dropout(dropout)
        self.seen: list[list[int]] = []

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> dict[str, Tensor]:
        if self.training and number is not None:
            self.seen.append(number.tolist())
        output = self.layer(self.dropout(inputs))
        if labels is None:
            return {"logits": output}
        return {"loss": nn.functional.mse_loss(output, labels), "logits": output}


def entries(trainer: Trainer, key: str) -> list[dict[str, Any]]:
    """The log entries that hold a key."""
    return [entry for entry in trainer.state.log_history if key in entry]


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}


def rows_of(trainer: Trainer) -> list[int]:
    """The numbers of the rows that a Line was trained on, in their order."""
    return [number for batch in trainer.model.seen for number in batch]
