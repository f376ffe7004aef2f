"""Promise: whatever PEFT method a model has, a run of ours resumes and loads its best model bit by bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset

from trainspec import TrainingArguments
from trainspec.training.trainer import Trainer

peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

LM = {"task_type": "CAUSAL_LM"}
METHODS: dict[str, Any] = {
    "LoRA": lambda: peft.LoraConfig(**LM, r=2, target_modules=["q_proj"]),
    "LoRA on the embedding": lambda: peft.LoraConfig(**LM, r=2, target_modules=["q_proj", "embed_tokens"]),
    "LoRA on the head": lambda: peft.LoraConfig(**LM, r=2, target_modules=["q_proj", "lm_head"]),
    "LoRA beside trained modules": lambda: peft.LoraConfig(
        **LM, r=2, target_modules=["q_proj"], modules_to_save=["lm_head", "embed_tokens"]
    ),
    "LoRA with trained tokens": lambda: peft.LoraConfig(
        **LM, r=2, target_modules=["q_proj"], trainable_token_indices=[1, 5]
    ),
    "DoRA": lambda: peft.LoraConfig(**LM, r=2, target_modules=["q_proj"], use_dora=True),
    "AdaLoRA": lambda: peft.AdaLoraConfig(**LM, init_r=4, target_r=2, total_step=12, target_modules=["q_proj"]),
    "IA3": lambda: peft.IA3Config(**LM, target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"]),
    "prompt tuning": lambda: peft.PromptTuningConfig(**LM, num_virtual_tokens=3),
    "prefix tuning": lambda: peft.PrefixTuningConfig(**LM, num_virtual_tokens=3),
    "prefix tuning, projected": lambda: peft.PrefixTuningConfig(
        **LM, num_virtual_tokens=3, prefix_projection=True, encoder_hidden_size=8
    ),
    "p-tuning": lambda: peft.PromptEncoderConfig(**LM, num_virtual_tokens=3, encoder_hidden_size=8),
    "VeRA": lambda: peft.VeraConfig(**LM, r=2, target_modules=["q_proj"]),
    "LoHa": lambda: peft.LoHaConfig(**LM, r=2, target_modules=["q_proj"]),
}
QUIET = {"report_to": "none", "use_cpu": True, "disable_tqdm": True, "per_device_train_batch_size": 4}


class Text(Dataset[dict[str, Tensor]]):
    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        words = (torch.arange(6) * 7 + index) % 32
        return {"input_ids": words, "labels": words}


def adapted(method: str, seed: int = 0) -> Any:
    """The base model is the same each time, the adapter is drawn anew."""
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=32,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    base = transformers.LlamaForCausalLM(config)
    torch.manual_seed(seed)
    model = peft.get_peft_model(base, METHODS["LoRA" if method == "several" else method]())
    if method == "several":
        model.add_adapter("other", peft.LoraConfig(**LM, r=3, target_modules=["v_proj"]))
        model.base_model.set_adapter(["default", "other"])
    return model


def train(model: Any, folder: Path, **changes: Any) -> Trainer:
    args = TrainingArguments(
        output_dir=str(folder), **{**QUIET, "num_train_epochs": 2, "learning_rate": 0.1, **changes}
    )
    trainer = Trainer(model, args, train_dataset=Text(), eval_dataset=Text())
    trainer.train()
    return trainer


def state(model: Any) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("method", [*METHODS, "several"])
def test_every_method_resumes(tmp_path: Path, method: str) -> None:
    whole = train(adapted(method), tmp_path / "out", save_strategy="epoch")
    resumed = train(adapted(method), tmp_path / "again", resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-3"))
    assert same(state(whole.model), state(resumed.model))


@pytest.mark.parametrize("method", [*METHODS, "several"])
def test_every_method_loads_its_best(tmp_path: Path, method: str, caplog: pytest.LogCaptureFixture) -> None:
    """The worst evaluation counts as the best, which is the first."""
    watching = {"metric_for_best_model": "loss", "eval_strategy": "epoch", "save_strategy": "epoch"}
    first = train(adapted(method), tmp_path / "first", num_train_epochs=1, lr_scheduler_type="constant")
    best = train(
        adapted(method),
        tmp_path / "out",
        load_best_model_at_end=True,
        greater_is_better=True,
        lr_scheduler_type="constant",
        **watching,
    )
    if best.state.best_global_step != 3:
        pytest.skip("this method did not learn between two evaluations")
    assert same(state(first.model), state(best.model))
    assert "is not loaded" not in caplog.text
