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


@pytest.mark.parametrize("kind", ["bert", "gpt2, tied", "gpt2, untied", "frozen"])
def test_operations_are_counted_as_theirs_are(kind: str, tmp_path: Path) -> None:
    if kind.startswith("gpt2"):
        tied = {"tie_word_embeddings": kind == "gpt2, tied"}
        config = transformers.GPT2Config(n_embd=8, n_layer=1, n_head=2, vocab_size=30, n_positions=16, **tied)
        model: Any = transformers.GPT2LMHeadModel(config)
    else:
        sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
        model = transformers.BertForSequenceClassification(transformers.BertConfig(vocab_size=30, **sizes))
    if kind == "frozen":
        model.bert.encoder.requires_grad_(False)
    batch = {"labels": torch.ones(2, dtype=torch.long), "input_ids": torch.ones(2, 7, dtype=torch.long)}
    said: dict[str, Any] = {"report_to": "none", "use_cpu": True}
    theirs = transformers.Trainer(model, transformers.TrainingArguments(str(tmp_path), **said))
    ours = Trainer(model, TrainingArguments(str(tmp_path), **said))
    assert ours.floating_point_ops(batch) == theirs.floating_point_ops(batch) > 0
