"""What each setting of generation does, seen in what a model was asked to generate and in the order of rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainspec import PreflightError, Seq2SeqTrainer, Seq2SeqTrainingArguments


class Echo(nn.Module):
    """Writes the first token of a row again and again; `asked` holds what it was asked with."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 50)
        self.asked: list[dict[str, Any]] = []
        self.seen: list[list[int]] = []

    def forward(self, input_ids: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        if self.training:
            self.seen.append((input_ids != 0).sum(-1).tolist())
        logits = self.embedding(input_ids)
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits[:, 0], labels[:, 0]), "logits": logits}

    def generate(self, input_ids: Tensor, **asked: Any) -> Tensor:
        self.asked.append(asked)
        return input_ids[:, :1].repeat(1, min(asked.get("max_length", 4), int(input_ids.max()) % 5 + 2))


class Tokens:
    pad_token_id = 0


def rows(count: int = 12) -> list[dict[str, Tensor]]:
    found = []
    for number in range(count):
        length = number % 6 + 2
        ids = torch.tensor([number % 7 + 1] * length + [0] * (8 - length))
        found.append({"input_ids": ids, "labels": ids[:3]})
    return found


def make_trainer(folder: Path, model: Any = None, compute_metrics: Any = None, **settings: Any) -> Seq2SeqTrainer:
    args = Seq2SeqTrainingArguments(
        **{
            "output_dir": str(folder),
            "per_device_train_batch_size": 2,
            "per_device_eval_batch_size": 4,
            "use_cpu": True,
            "report_to": "none",
            "save_strategy": "no",
            "do_eval": True,
            "disable_tqdm": True,
            "max_steps": 6,
            **settings,
        }
    )
    return Seq2SeqTrainer(
        Echo() if model is None else model,
        args,
        train_dataset=rows(),
        eval_dataset=rows(),
        processing_class=Tokens(),
        compute_metrics=compute_metrics or (lambda p: {"width": p.predictions.shape[1]}),
    )


@pytest.mark.parametrize("on", [True, False])
def test_predict_with_generate_hands_tokens_to_metrics(tmp_path: Path, on: bool) -> None:
    kinds: list[str] = []
    trainer = make_trainer(
        tmp_path, compute_metrics=lambda p: kinds.append(p.predictions.dtype.kind) or {}, predict_with_generate=on
    )
    trainer.evaluate()
    model: Any = trainer.model
    assert kinds == (["i"] if on else ["f"])
    assert len(model.asked) == (3 if on else 0)


def test_generation_max_length_is_asked_for(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, predict_with_generate=True, generation_max_length=3)
    model: Any = trainer.model
    assert trainer.predict(rows()).predictions[:, 3:].max() == 0
    trainer.evaluate(max_length=5)
    trainer.evaluate(max_new_tokens=6)
    assert [asked.get("max_length") for asked in model.asked] == [3] * 3 + [5] * 3 + [None] * 3


def test_generation_num_beams_is_asked_for(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, predict_with_generate=True, generation_num_beams=2)
    model: Any = trainer.model
    trainer.evaluate()
    trainer.predict(rows(), num_beams=5)
    assert [asked["num_beams"] for asked in model.asked] == [2] * 3 + [5] * 3


@pytest.mark.parametrize("said", ["mapping", "file", "folder", "url", "object", "text"])
def test_generation_config_becomes_the_models_own(tmp_path: Path, said: str) -> None:
    from transformers import GenerationConfig

    wanted = {"num_beams": 3, "max_length": 9}
    (tmp_path / "generation_config.json").write_text(json.dumps(wanted))
    given = {
        "mapping": wanted,
        "file": str(tmp_path / "generation_config.json"),
        "folder": tmp_path,
        "url": f"file://{tmp_path}/generation_config.json",
        "object": GenerationConfig(**wanted),
        "text": Seq2SeqTrainingArguments.from_json(json.dumps({"generation_config": wanted})).generation_config,
    }
    trainer = make_trainer(tmp_path / "out", generation_config=given[said])
    config: Any = trainer.model.generation_config
    assert (config.num_beams, config.max_length) == (3, 9)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("nowhere/generation.json", id="no-file"),
        pytest.param({"num_beams": 1, "num_return_sequences": 3, "do_sample": False}, id="contradiction"),
        # Of this one transformers only warns, and then refuses to save it with the model.
        pytest.param({"do_sample": False, "temperature": 0.5}, id="without-effect"),
    ],
)
def test_generation_config_that_cannot_be_used_is_told_at_once(tmp_path: Path, given: Any) -> None:
    with pytest.raises(PreflightError, match="RUN210"):
        make_trainer(tmp_path, generation_config=given)


@pytest.mark.parametrize("on", [True, False])
def test_sortish_sampler_trains_on_rows_of_one_length_together(tmp_path: Path, on: bool) -> None:
    trainer = make_trainer(tmp_path, sortish_sampler=on, max_steps=24)
    trainer.train_dataset = [{**row, "length": int((row["input_ids"] != 0).sum())} for row in rows(48)]
    trainer.train()
    model: Any = trainer.model
    apart = sum(abs(first - second) for first, second in model.seen)
    assert len(model.seen) == 24
    assert (apart <= 16) == on
