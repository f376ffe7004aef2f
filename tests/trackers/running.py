"""A short training run that is told to trackers, and what each of them must hold afterwards."""

from __future__ import annotations

import sys
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Rows

from trainspec import SettingsWarning, TrainingArguments
from trainspec.storage import open_store
from trainspec.training.trackers import RunFacts, run_facts
from trainspec.training.trackers.names import dashboard_name
from trainspec.training.trainer import Trainer

# No run may leave it anywhere: it is a setting, a command line argument and part of a URL. In two pieces, because some
# libraries keep the source of the program.
SECRET = "hf_" + "NoRealToken" * 3
Told = dict[str, list[tuple[int, float]]]


def build(out: Path, report_to: str | list[str], **changes: Any) -> Trainer:
    """24 rows of batch 4: two epochs are 12 updates; entries at 2, 4, ..., evaluations at 6 and 12."""
    torch.set_num_threads(1)
    settings = {
        "output_dir": str(out),
        "report_to": report_to,
        "run_name": "morning",
        "per_device_train_batch_size": 4,
        "learning_rate": 0.01,
        "num_train_epochs": 2,
        "logging_steps": 2,
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "load_best_model_at_end": True,
        "disable_tqdm": True,
        "use_cpu": True,
        "hub_token": SECRET,
        "metric_for_best_model": "loss",
        **changes,
    }
    with warnings.catch_warnings():
        # The token has no use here, and is not meant to have one.
        warnings.simplefilter("ignore", SettingsWarning)
        args = TrainingArguments(**settings)
    return Trainer(Line(), args, train_dataset=Rows(), eval_dataset=Rows(10))


@pytest.fixture
def secret_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ["train.py", "--hub_token", SECRET, f"--api_key={SECRET}", f"s3://me:{SECRET}@bucket/data"]
    monkeypatch.setattr(sys, "argv", argv)


def run(trainer: Trainer) -> Trainer:
    """Training, then a prediction; afterwards everything is closed."""
    trainer.train()
    trainer.predict(Rows(6))
    trainer.parts.trackers.finish()
    return trainer


def facts(trainer: Trainer) -> RunFacts:
    return run_facts(trainer.args, trainer.model, open_store(trainer.args.output_dir))


def expected(trainer: Trainer, leave_out: frozenset[str] = frozenset()) -> Told:
    """The run's history by dashboard name: (step, value), the epoch once a step."""
    told: Told = defaultdict(list)
    for entry in trainer.state.log_history:
        for key, value in entry.items():
            point = (entry["step"], value)
            name = dashboard_name(key)
            if key not in {"step", *leave_out} and not (key == "epoch" and point in told[name]):
                told[name].append(point)
    assert {"train/loss", "train/learning_rate", "train/grad_norm", "eval/loss", "test/loss"} <= told.keys()
    return dict(told)


def check(told: Told, trainer: Trainer, leave_out: frozenset[str] = frozenset()) -> None:
    """The tracker holds all that was logged, each entry once and in order."""
    wanted = expected(trainer, leave_out)
    assert told.keys() == wanted.keys()
    for name, points in wanted.items():
        assert [step for step, _ in told[name]] == [step for step, _ in points], name
        assert [value for _, value in told[name]] == pytest.approx([value for _, value in points], rel=1e-5), name


def assert_no_secret_in(*folders: Path) -> None:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
