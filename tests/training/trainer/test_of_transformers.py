"""The Trainer with transformers' own TrainingArguments: the run that ours make."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tests.training.small_job import Line, Rows, weights

from trainspec import TrainingArguments
from trainspec.training.trainer import Trainer


def trained(args: Any) -> Trainer:
    trainer = Trainer(model=Line(), args=args, train_dataset=Rows())
    trainer.train()
    return trainer


def test_their_settings_train_as_ours_do(tmp_path: Path) -> None:
    said: dict[str, Any] = {
        "max_steps": 5,
        "learning_rate": 0.05,
        "lr_scheduler_type": "cosine",
        "per_device_train_batch_size": 4,
        "weight_decay": 0.1,
        "seed": 11,
        "report_to": "none",
        "use_cpu": True,
    }
    theirs = trained(transformers.TrainingArguments(str(tmp_path / "theirs"), **said))
    ours = trained(TrainingArguments(str(tmp_path / "ours"), **said))
    assert all(torch.equal(value, weights(ours)[name]) for name, value in weights(theirs).items())
    assert theirs.args.learning_rate == 0.05 and (tmp_path / "theirs" / "checkpoint-5").is_dir()


def test_no_settings_at_all_are_told_from_wrong_ones() -> None:
    assert isinstance(Trainer(model=Line()).args, TrainingArguments)
    wrong: Any = {"output_dir": "out"}
    with pytest.raises(TypeError, match="args must be TrainingArguments, not dict"):
        Trainer(model=Line(), args=wrong)
