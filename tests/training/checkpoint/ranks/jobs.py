"""A small job with dropout in float64, trained by each of several processes, and what is left of it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy
import torch
from tests.training.small_job import Line, Rows

from trainspec import TrainingArguments
from trainspec.training.parallel.named_state import by_name
from trainspec.training.trainer import Trainer


def settings(folder: Path | str, **changes: Any) -> TrainingArguments:
    usual: dict[str, Any] = {
        "output_dir": str(folder),
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "per_device_train_batch_size": 2,
        "max_steps": 6,
        "save_strategy": "steps",
        "save_steps": 3,
        "logging_steps": 2,
        "learning_rate": 0.01,
        "lr_scheduler_type": "cosine",
        "log_level": "warning",
    }
    return TrainingArguments(**{**usual, **changes})


def trainer_for(folder: Path | str, *, kind: type[Trainer] = Trainer, callbacks: Any = None, **changes: Any) -> Trainer:
    model = Line(dtype=torch.float64, dropout=0.5)
    rows = Rows(24, torch.float64)
    return kind(model, settings(folder, **changes), train_dataset=rows, eval_dataset=rows, callbacks=callbacks)


def train(folder: Path | str, resume: str | None = None, **changes: Any) -> dict[str, Any]:
    """What one process is left with after training."""
    trainer = trainer_for(folder, **changes)
    trainer.train(resume_from_checkpoint=resume)
    return left(trainer)


def left(trainer: Trainer) -> dict[str, Any]:
    """All that must be the same after a run that was cut in two: exact numbers, and the next draws of this process."""
    optimizer, schedule = trainer.parts.stepping()
    named = by_name(optimizer.state_dict(), optimizer, trainer.model)
    losses = [
        {k: v for k, v in entry.items() if "runtime" not in k and "second" not in k} for entry in history(trainer)
    ]
    return {
        "weights": {name: value.tolist() for name, value in trainer.model.state_dict().items()},
        "optimizer": plain(named),
        "schedule": plain(schedule.state_dict()),
        "scaler": plain(trainer.parts.precision.state_dict()),
        "log": losses,
        "rows": (trainer.state.epoch_index, trainer.state.rows_in_epoch, trainer.state.global_step),
        "seen": [number for batch in trainer.model.seen for number in batch],
        "draws": [torch.rand(3).tolist(), numpy.random.rand(3).tolist(), random.random()],
    }


def history(trainer: Trainer) -> list[dict[str, Any]]:
    return trainer.state.log_history


def plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
