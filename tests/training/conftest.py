"""Trainers on the small job."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows

from trainspec import TrainingArguments
from trainspec.training.trainer import Trainer


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def arguments(tmp_path: Path) -> Callable[..., TrainingArguments]:
    """Settings of a short, silent run that writes nothing but what the test asks for."""

    def make(**changes: Any) -> TrainingArguments:
        quiet = {"report_to": "none", "save_strategy": "no", "disable_tqdm": True, "use_cpu": True}
        usual = {"per_device_train_batch_size": 4, "learning_rate": 0.01, "do_eval": True}
        if "max_steps" not in changes:
            usual["num_train_epochs"] = 1
        return TrainingArguments(**{"output_dir": str(tmp_path / "out"), **quiet, **usual, **changes})

    return make


@pytest.fixture
def make_trainer(arguments: Callable[..., TrainingArguments]) -> Make:
    """A Trainer on Rows and Line; what is not a part of the Trainer is a setting."""

    def make(**changes: Any) -> Trainer:
        parts = {
            "model",
            "train_dataset",
            "eval_dataset",
            "compute_metrics",
            "data_collator",
            "callbacks",
            "optimizers",
            "optimizer_cls_and_kwargs",
            "processing_class",
            "tokenizer",
            "model_init",
            "compute_loss_func",
            "preprocess_logits_for_metrics",
        }
        given = {name: changes.pop(name) for name in list(changes) if name in parts}
        kind = changes.pop("kind", Trainer)
        known = {"train_dataset": Rows(), "eval_dataset": Rows(10), **given}
        if "model_init" not in known:
            known.setdefault("model", Line())
        trainer: Trainer = kind(known.pop("model", None), arguments(**changes), **known)
        return trainer

    return make


@pytest.fixture(autouse=True)
def determinism_is_put_back() -> Iterator[None]:
    config = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic = False
    if config is None:
        os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
