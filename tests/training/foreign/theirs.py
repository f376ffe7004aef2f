"""Checkpoints that the installed transformers writes of a tiny model, rows one after the other in every epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, SequentialSampler

SETTINGS: dict[str, Any] = {
    "report_to": "none",
    "use_cpu": True,
    "disable_tqdm": True,
    "per_device_train_batch_size": 4,
    "num_train_epochs": 3,
    "learning_rate": 0.02,
    "weight_decay": 0.1,
    "warmup_steps": 2,
    "lr_scheduler_type": "cosine",
    "logging_steps": 1,
    "save_strategy": "steps",
    "save_steps": 4,
}


class Points(Dataset[dict[str, Tensor]]):
    """Six batches of four rows."""

    def __init__(self, count: int = 24, dtype: torch.dtype = torch.float64) -> None:
        self.count, self.dtype = count, dtype

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(index)
        x = torch.randn(3, generator=generator, dtype=self.dtype)
        return {"x": x, "labels": (x.sum() > 0).long()}


class Small(nn.Module):
    """Layers that all versions share out to decayed and other parameters in their own way."""

    def __init__(self, dtype: torch.dtype = torch.float64, seed: int = 5) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Linear(3, 4, dtype=dtype)
        self.normed = nn.LayerNorm(4, dtype=dtype)
        self.batch = nn.BatchNorm1d(4, dtype=dtype)
        self.last = nn.Linear(4, 2, dtype=dtype)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.last(self.batch(self.normed(self.first(x))) + self.first(x))
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def settings(**changes: Any) -> dict[str, Any]:
    """The usual ones and the changes, without epochs where steps are counted."""
    together = {**SETTINGS, **changes}
    if "max_steps" in changes:
        del together["num_train_epochs"]
    return together


def trained(folder: Path, model: nn.Module | None = None, resume: Path | None = None, **changes: Any) -> Any:
    """A trainer of transformers after its training into a folder."""
    import transformers

    given = {name: changes.pop(name) for name in ("callbacks", "eval_dataset", "train_dataset") if name in changes}
    args = transformers.TrainingArguments(str(folder), **settings(**changes))
    known = {"train_dataset": Points(), **given}

    class InOrder(transformers.Trainer):  # type: ignore[misc, name-defined]
        def _get_train_sampler(self, *_: Any) -> Any:
            return SequentialSampler(self.train_dataset)

    trainer = InOrder(Small() if model is None else model, args, **known)
    trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
    return trainer


def largest_difference(one: nn.Module, other: nn.Module) -> float:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return max((a - b).abs().max().item() for a, b in pairs)
