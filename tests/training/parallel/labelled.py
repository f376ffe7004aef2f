"""A job whose rows have labels of unequal number, some none at all, and what plain torch makes of it in float64."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from trainspec import Trainer, TrainingArguments

CLASSES, PLACES, WIDTH = 3, 6, 4
RATE, CLIP = 0.3, 0.5


class Tagger(nn.Module):
    """Classifies every place of a row; the loss is the mean over the labels that count."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        layers = (nn.Linear(WIDTH, 8), nn.Tanh(), nn.Linear(8, CLASSES))
        self.layers = nn.Sequential(*layers).double()

    def forward(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.layers(inputs)
        return nn.functional.cross_entropy(scores.flatten(0, 1), labels.flatten()), scores


def rows(count: int) -> list[dict[str, Tensor]]:
    """Every fifth row has no label that counts, the others as many as it happens."""
    generator = torch.Generator().manual_seed(1)
    found = []
    for number in range(count):
        labels = torch.randint(0, CLASSES, (PLACES,), generator=generator)
        ignored = torch.rand(PLACES, generator=generator) < 0.5
        inputs = torch.randn(PLACES, WIDTH, dtype=torch.float64, generator=generator)
        found.append({"inputs": inputs, "labels": labels.masked_fill(ignored | (number % 5 == 0), -100)})
    return found


def settings(**more: Any) -> TrainingArguments:
    usual: dict[str, Any] = {
        "optim": "sgd",
        "learning_rate": RATE,
        "lr_scheduler_type": "constant",
        "max_grad_norm": CLIP,
        "train_sampling_strategy": "sequential",
        "max_steps": 3,
        "save_strategy": "no",
        "logging_steps": 1,
        "report_to": "none",
        "disable_tqdm": True,
    }
    return TrainingArguments(**usual | more)


def trained(count: int, out: str, more: dict[str, Any]) -> dict[str, Any]:
    """What this process has after a run of the Trainer: `weights`, `losses` and `norms` of the log, `state`."""
    trainer = Trainer(Tagger(), settings(output_dir=out, **more), train_dataset=rows(count))
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    return {
        "weights": {name: whole(value.detach()) for name, value in trainer.model.state_dict().items()},
        "losses": [entry["loss"] for entry in logged],
        "norms": [entry["grad_norm"] for entry in logged],
        "state": {name: getattr(trainer.state, name) for name in ("epoch", "global_step", "rows_in_epoch")},
    }


def whole(value: Tensor) -> Tensor:
    return value.full_tensor() if isinstance(value, DTensor) else value


def by_hand(windows: Sequence[Sequence[int]], count: int) -> dict[str, Any]:
    """The same by a loop of torch alone, each window of rows as one batch."""
    model, every = Tagger(), rows(count)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    losses, norms = [], []
    for window in windows:
        inputs = torch.stack([every[number]["inputs"] for number in window])
        labels = torch.stack([every[number]["labels"] for number in window])
        scores = model.layers(inputs).flatten(0, 1)
        wanted = labels.flatten()
        loss = nn.functional.cross_entropy(scores, wanted, reduction="sum") / (wanted != -100).sum()
        loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), CLIP)))
        losses.append(loss.item())
        optimizer.step()
        optimizer.zero_grad()
    return {"weights": model.state_dict(), "losses": losses, "norms": norms}


def windows_of(count: int, size: int, updates: int) -> list[list[int]]:
    """Rows of each update in their own order, the last of an epoch being short."""
    epoch = [list(range(start, min(start + size, count))) for start in range(0, count, size)]
    return [epoch[number % len(epoch)] for number in range(updates)]


def difference(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> float:
    return max((found[name] - wanted[name]).abs().max().item() for name in wanted)
