"""Promise: under FSDP2, DeepSpeed and a mesh a checkpoint has the whole model, readable by from_pretrained, of which
each process writes some tensors, and each process's part of the optimizer; a run cut in two is the same run to the last
bit.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.checkpoint.ranks.jobs import files_in, plain
from tests.training.parallel.world import WITH_TRANSFORMERS

from trainspec import TrainingArguments
from trainspec.answers.checkpoints.exporting import export_model
from trainspec.plan import shards
from trainspec.storage import open_store
from trainspec.training.checkpoint import open_checkpoint
from trainspec.training.trainer import Trainer

LAYERS = {"transformer_layer_cls_to_wrap": ["LlamaDecoderLayer"]}
ZERO = {"zero_allow_untested_optimizer": True}
WAYS: dict[str, dict[str, Any]] = {
    "fsdp": {"fsdp": "full_shard auto_wrap", "fsdp_config": LAYERS},
    "tp": {"parallelism_config": {"tp_size": 2}},
    "sp": {"parallelism_config": {"sp_size": 2}},
    "ep": {"parallelism_config": {"ep_size": 2}},
    "zero2": {"deepspeed": {"zero_optimization": {"stage": 2}, **ZERO}},
    "zero3": {"bf16": True, "deepspeed": {"zero_optimization": {"stage": 3}, **ZERO}},
}
SHARDS, INDEX = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)], "model.safetensors.index.json"
LONG = [pytest.param(way, marks=pytest.mark.long_distributed) for way in WAYS if way not in ("fsdp", "ep")]


def _rows(count: int = 16) -> list[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(5)
    rows = torch.randint(0, 32, (count, 6), generator=generator)
    return [{"input_ids": row, "labels": row} for row in rows]


def _model(way: str) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM, MixtralConfig, MixtralForCausalLM

    torch.manual_seed(3)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    kind = LlamaConfig(vocab_size=32, num_key_value_heads=4, tie_word_embeddings=True, attention_dropout=0.2, **sizes)
    if way == "ep":
        experts = {"num_local_experts": 4, "num_experts_per_tok": 2, "num_key_value_heads": 4}
        return MixtralForCausalLM(MixtralConfig(vocab_size=32, tie_word_embeddings=True, **experts, **sizes))
    return LlamaForCausalLM(kind)


class StopAt:
    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = state.global_step >= 2


def _train(folder: Path, way: str, resume: str | None = None, stops: bool = False) -> dict[str, Any]:
    settings = WAYS[way]
    usual = {"report_to": "none", "disable_tqdm": True, "use_cpu": True, "save_steps": 2, "save_strategy": "steps"}
    more = {"per_device_train_batch_size": 2, "max_steps": 4, "learning_rate": 0.01, "logging_steps": 1}
    args = TrainingArguments(output_dir=str(folder), **usual, **more, **settings)
    trainer = Trainer(_model(way), args, train_dataset=_rows(), callbacks=[StopAt()] if stops else None)
    trainer.train(resume_from_checkpoint=resume)
    strategy = trainer.parts.strategy
    state = strategy.state("sharded")
    trainer.save_model(str(folder / "model"))
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {
        "weights": plain(dict(strategy.weights("sharded"))),
        "optimizer": plain(dict(state.optimizer or {})),
        "losses": losses,
        "draws": torch.rand(3).tolist(),
    }


def _cut_in_two(folder: Path, way: str) -> list[dict[str, Any]]:
    # As of a model that is worth a file for each.
    shards.SMALLEST_SHARD = 1
    whole = _train(folder / "whole", way)
    _train(folder / "cut", way, stops=True)
    return [whole, _train(folder / "cut", way, "latest")]


@pytest.mark.parametrize("way", ["fsdp", "ep", *LONG])
@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_a_run_cut_in_two_is_the_same_run(tmp_path: Path, way: str) -> None:
    answers = WITH_TRANSFORMERS.run(2, _cut_in_two, tmp_path, way, DS_ACCELERATOR="cpu", seconds=300)
    for whole, resumed in answers:
        for part in ("weights", "optimizer", "losses", "draws"):
            assert resumed[part] == whole[part], part
    folder = tmp_path / "cut" / "checkpoint-4"
    assert files_in(folder) >= {*SHARDS, INDEX, "config.json", "optimizer-00001-of-00002.safetensors"}
    assert "model.safetensors" not in files_in(folder)
    _is_read_by_others(way, folder, tmp_path / "cut" / "model")


def _is_read_by_others(way: str, folder: Path, final: Path) -> None:
    from safetensors.torch import load_file

    kind = type(_model(way))
    found, other = (kind.from_pretrained(each) for each in (folder, final))
    whole = load_file(final / "model.safetensors")
    parts = {name: load_file(folder / name) for name in SHARDS}
    assert "model.embed_tokens.weight" in whole and "lm_head.weight" not in whole, "what is tied is there once"
    assert sum(map(len, parts.values())) == len(whole)
    assert all(torch.equal(value, whole[name]) for shard in parts.values() for name, value in shard.items())
    where = json.loads((folder / INDEX).read_text())["weight_map"]
    assert where == {name: file for file, shard in parts.items() for name in shard}
    assert all(torch.equal(value, found.state_dict()[name]) for name, value in other.state_dict().items())
    ids = torch.arange(6)[None]
    # Where in memory the same weights lie may tell in the last bit.
    torch.testing.assert_close(found(ids).logits, other(ids).logits)
    assert not torch.equal(found(ids).logits, _model(way)(ids).logits)


def _best_first(folder: Path, way: str) -> list[float]:
    """Evaluations that become worse: the best checkpoint is the first."""

    class Worse(Trainer):
        def evaluate(self, *given: Any, **named: Any) -> Any:
            return {**super().evaluate(*given, **named), "eval_loss": float(self.state.global_step)}

    shards.SMALLEST_SHARD = 1
    usual = {"report_to": "none", "disable_tqdm": True, "use_cpu": True, "save_steps": 2, "save_strategy": "steps"}
    more = {"per_device_train_batch_size": 2, "max_steps": 4, "learning_rate": 0.01, "eval_strategy": "steps"}
    best = {"eval_steps": 2, "load_best_model_at_end": True}
    args = TrainingArguments(output_dir=str(folder), **usual, **more, **best, **WAYS[way])
    trainer = Worse(_model(way), args, train_dataset=_rows(), eval_dataset=_rows(4))
    trainer.train()
    assert trainer.state.best_model_checkpoint == str(folder / "checkpoint-2")
    trainer.save_model(str(folder / "model"))
    return [trainer.state.best_metric or 0.0]


@pytest.mark.parametrize("way", ["fsdp", pytest.param("zero3", marks=pytest.mark.long_distributed)])
@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_the_best_is_loaded_and_exported_from_the_shards_of_all(tmp_path: Path, way: str) -> None:
    from safetensors.torch import load_file

    assert WITH_TRANSFORMERS.run(2, _best_first, tmp_path, way, DS_ACCELERATOR="cpu", seconds=300) == [[2.0], [2.0]]
    assert files_in(tmp_path / "checkpoint-2") >= {*SHARDS, INDEX}
    export_model(open_checkpoint(tmp_path / "checkpoint-2"), open_store(tmp_path / "exported"))
    final, whole = (load_file(tmp_path / name / "model.safetensors") for name in ("model", "exported"))
    later = load_file(tmp_path / "checkpoint-4" / SHARDS[0])
    assert final.keys() == whole.keys()

    assert all(torch.equal(value, whole[name].to(value.dtype)) for name, value in final.items())
    assert any(not torch.equal(value, whole[name]) for name, value in later.items()), "training went on"
