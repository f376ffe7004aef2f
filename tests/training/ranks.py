"""The small job in several real processes: what each of them trained on, and what came of it."""

import tempfile
from typing import Any

import torch
from tests.training.parallel.world import run_in
from tests.training.small_job import Line, Rows

from trainspec import TrainingArguments
from trainspec.training.trainer import Trainer


def settings(folder: str, **changes: Any) -> TrainingArguments:
    """Of a short, silent run of one epoch."""
    quiet = {"report_to": "none", "save_strategy": "no", "disable_tqdm": True, "use_cpu": True, "logging_steps": 1}
    usual = {"per_device_train_batch_size": 2, "learning_rate": 0.01}
    if "max_steps" not in changes:
        usual["num_train_epochs"] = 1
    return TrainingArguments(**{"output_dir": folder, **quiet, **usual, **changes})


def small_trainer(folder: str, rows: Any = None, kind: type[Trainer] = Trainer, **more: Any) -> Trainer:
    """In float64, so that sums in another order differ by nothing to speak of."""
    parts = ("eval_dataset", "compute_metrics", "data_collator", "callbacks", "preprocess_logits_for_metrics", "model")
    given = {name: more.pop(name) for name in parts if name in more}
    model = given.pop("model", None) or Line(torch.float64)
    data = Rows(24, torch.float64) if rows is None else rows
    return kind(model, settings(folder, **more), train_dataset=data, **given)


def trained(folder: str, rows: Any = None, **more: Any) -> dict[str, Any]:
    """One run: the rows of each batch, the weights, the metrics and the log."""
    trainer = small_trainer(folder, rows, **more)
    output = trainer.train()
    weights = {name: value.tolist() for name, value in trainer.model.state_dict().items()}
    seen: Any = trainer.model.seen  # type: ignore[union-attr]
    log = trainer.state.log_history
    return {"seen": seen, "weights": weights, "metrics": output.metrics, "log": log, "steps": output.global_step}


def train_in(size: int, rows: Any = None, **more: Any) -> list[dict[str, Any]]:
    """The same run in so many processes."""
    with tempfile.TemporaryDirectory() as folder:
        return run_in(size, _trained, folder, rows, more) if size > 1 else [_trained(folder, rows, more)]


def _trained(folder: str, rows: Any, more: dict[str, Any]) -> dict[str, Any]:
    return trained(folder, rows, **more)


def differences(one: dict[str, Any], other: dict[str, Any]) -> float:
    """The largest difference of any weight."""
    pairs = ((one["weights"][name], other["weights"][name]) for name in one["weights"])
    return max(float((torch.tensor(a) - torch.tensor(b)).abs().max()) for a, b in pairs)
