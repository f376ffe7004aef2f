"""A model comes back from its files bit by bit; other programs can read them; only what changes is in them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, PromptEncoderConfig, PromptTuningConfig, get_peft_model
from safetensors.torch import load
from tests.training.checkpoint.written import all_written
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from trainspec.training.checkpoint.model_files import WeightsMismatchError, model_artifacts, restore_model
from trainspec.training.checkpoint.weights import model_files

CONFIG = {"n_layer": 1, "n_embd": 8, "n_head": 2, "n_positions": 8, "bos_token_id": 0, "eos_token_id": 1}


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, 3)
        self.norm = nn.BatchNorm1d(3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, inputs: Tensor) -> Tensor:
        result: Tensor = self.head(self.norm(self.embedding(inputs)))
        return result


def gpt2(vocabulary: int = 11, **changes: Any) -> GPT2LMHeadModel:
    return GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, **CONFIG, **changes))


def lora(**changes: Any) -> PeftModel:
    return get_peft_model(gpt2(), LoraConfig(r=2, target_modules=["c_attn"], fan_in_fan_out=True, **changes))


def lora_with_trained_norm() -> PeftModel:
    model = lora()
    model.base_model.model.transformer.ln_f.requires_grad_(True)
    return model


def lora_on_batch_norm() -> PeftModel:
    return get_peft_model(Tied(), LoraConfig(r=2, target_modules=["embedding"]))


def two_adapters() -> PeftModel:
    model = lora()
    model.add_adapter("second", LoraConfig(r=3, target_modules=["c_proj"], fan_in_fan_out=True))
    return model


def injected() -> GPT2LMHeadModel:
    model = gpt2()
    model.add_adapter(LoraConfig(r=2, target_modules=["c_attn"], fan_in_fan_out=True))
    return model


def prompts(kind: type[Any] = PromptTuningConfig, **changes: Any) -> PeftModel:
    return get_peft_model(gpt2(), kind(task_type="CAUSAL_LM", num_virtual_tokens=2, **changes))


MAKERS: dict[str, Callable[[], nn.Module]] = {
    "plain": lambda: nn.Linear(2, 3),
    "plain, tied": Tied,
    "hugging face, tied": gpt2,
    "hugging face, not tied": lambda: gpt2(tie_word_embeddings=False),
    "hugging face, frozen": lambda: gpt2().requires_grad_(False),
    "lora": lora,
    "lora with a whole layer": lambda: lora(modules_to_save=["ln_f"]),
    "lora beside a trained layer": lora_with_trained_norm,
    "lora on a model with running means": lora_on_batch_norm,
    "two adapters": two_adapters,
    "adapter put into a model": injected,
    "prompt tuning": prompts,
    "prompt encoder": lambda: prompts(PromptEncoderConfig, encoder_hidden_size=4),
}
ADAPTED = [name for name in MAKERS if not name.startswith(("plain", "hugging face"))]


def disturbed(model: nn.Module) -> nn.Module:
    """What training changes, changed: trained parameters and running means."""
    generator = torch.Generator().manual_seed(5)
    buffers = [buffer for name, buffer in model.named_buffers() if name.endswith(("mean", "var"))]
    trained = [value for value in model.parameters() if value.requires_grad]
    for value in [*trained, *buffers]:
        value.data += torch.randn(value.shape, generator=generator).abs()
    return model


def same(one: nn.Module, other: nn.Module) -> bool:
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "torch"])
@pytest.mark.parametrize("name", MAKERS)
def test_save_safetensors_or_not_every_bit_comes_back(name: str, safe: bool) -> None:
    torch.manual_seed(0)
    model = MAKERS[name]()
    fresh = copy.deepcopy(model)
    disturbed(model)
    assert same(model, fresh) is ("frozen" in name)
    files = all_written(model_artifacts(model, save_safetensors=safe))
    restore_model(fresh, files.__getitem__, files.keys())
    assert same(model, fresh)
    weights = {file for file in files if not file.endswith(".json")}
    assert {Path(file).suffix for file in weights} == {".safetensors" if safe else ".bin"}


@pytest.mark.parametrize("name", ADAPTED)
def test_only_what_is_trained_is_saved_of_a_model_with_adapters(name: str) -> None:
    model = MAKERS[name]()
    files = all_written(model_artifacts(model))
    tensors = [load(data) for file, data in files.items() if file.endswith(".safetensors")]
    saved = sum(value.numel() for found in tensors for value in found.values())
    trained = sum(value.numel() for key, value in model.named_parameters() if value.requires_grad or "second" in key)
    buffers = sum(value.numel() for key, value in model.named_buffers() if key in model.state_dict())
    # Prompts are saved twice: what makes them, as it is trained, and what it makes, which others read.
    made = 2 * CONFIG["n_embd"] if "prompt" in name else 0
    assert saved == trained + buffers + made
    assert "adapter_config.json" in files and "README.md" not in files and "model.safetensors" not in files


def test_hugging_face_files_are_what_from_pretrained_reads(tmp_path: Path) -> None:
    model = disturbed(gpt2())
    files = all_written(model_artifacts(model))
    assert set(files) == {"config.json", "generation_config.json", "model.safetensors"}
    assert json.loads(files["config.json"])["architectures"] == ["GPT2LMHeadModel"]
    assert "lm_head.weight" not in load(files["model.safetensors"])
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert same(model, AutoModelForCausalLM.from_pretrained(tmp_path))


def test_peft_files_are_what_peft_reads(tmp_path: Path) -> None:
    base = gpt2()
    model = disturbed(get_peft_model(copy.deepcopy(base), LoraConfig(target_modules=["c_attn"], fan_in_fan_out=True)))
    for name, data in all_written(model_artifacts(model)).items():
        (tmp_path / name).write_bytes(data)
    assert same(model, PeftModel.from_pretrained(base, tmp_path))


def test_an_adapter_put_into_a_model_is_what_peft_reads(tmp_path: Path) -> None:
    model = gpt2()
    base = copy.deepcopy(model)
    model.add_adapter(LoraConfig(target_modules=["c_attn"], fan_in_fan_out=True))
    for name, data in all_written(model_artifacts(disturbed(model))).items():
        (tmp_path / name).write_bytes(data)
    loaded = PeftModel.from_pretrained(base, tmp_path).eval()
    model.eval()
    inputs = torch.tensor([[1, 2, 3]])
    assert torch.equal(loaded(inputs).logits, model(inputs).logits)


def test_keys_to_ignore_are_not_saved_and_not_missed() -> None:
    model = gpt2()
    model._keys_to_ignore_on_save = {"transformer.wpe.weight"}
    fresh = copy.deepcopy(model)
    disturbed(model)
    files = all_written(model_artifacts(model))
    assert "transformer.wpe.weight" not in load(files["model.safetensors"])
    restore_model(fresh, files.__getitem__, files.keys())
    assert torch.equal(fresh.transformer.wte.weight, model.transformer.wte.weight)
    assert not torch.equal(fresh.transformer.wpe.weight, model.transformer.wpe.weight)


def test_saving_leaves_the_model_as_it_was() -> None:
    model = gpt2()
    before = model.config.to_dict()
    all_written(model_artifacts(model))
    assert model.config.to_dict() == before


def test_the_tokenizer_is_saved_beside_the_model(tmp_path: Path) -> None:
    words = Tokenizer(WordLevel({"[UNK]": 0, "good": 1, "day": 2}, unk_token="[UNK]"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]")
    files = all_written(model_artifacts(nn.Linear(2, 2), processing_class=tokenizer))
    assert {"model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= files.keys()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert AutoTokenizer.from_pretrained(tmp_path).get_vocab() == {"[UNK]": 0, "good": 1, "day": 2}


def test_a_gathered_state_dict_stands_for_the_models_own() -> None:
    model = nn.Linear(2, 2, bias=False)
    files = all_written(model_artifacts(model, state_dict={"weight": torch.full((2, 2), 7.0)}))
    assert torch.equal(load(files["model.safetensors"])["weight"], torch.full((2, 2), 7.0))


MISFITS: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module], str]] = {
    "more layers": (gpt2, lambda: nn.Linear(2, 2), "lacks bias, weight"),
    "fewer": (lambda: nn.Linear(2, 2), lambda: nn.Linear(2, 2, bias=False), "has beyond the model bias"),
    "another shape": (lambda: nn.Linear(2, 2), lambda: nn.Linear(2, 3), r"weight is \(2, 2\) there and \(3, 2\) here"),
    "adapter for none": (lora, gpt2, "a PEFT adapter, and the model has none"),
    "another adapter": (lora, lambda: get_peft_model(gpt2(), LoraConfig(target_modules=["c_proj"])), "lacks"),
    "another rank": (lora, lambda: get_peft_model(gpt2(), LoraConfig(r=3, target_modules=["c_attn"])), "size mismatch"),
    "one adapter of two": (lora, two_adapters, "no weights of the model's adapter 'second'"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_weights_of_another_model_are_refused(name: str) -> None:
    saved, wanted, message = MISFITS[name]
    files = all_written(model_artifacts(saved()))
    with pytest.raises(WeightsMismatchError, match=message):
        restore_model(wanted(), files.__getitem__, files.keys(), "out/checkpoint-5")


def test_nothing_saved_is_said() -> None:
    with pytest.raises(WeightsMismatchError, match="no weights of a model"):
        restore_model(nn.Linear(1, 1), {}.__getitem__, ["trainer_state.json"])


def test_a_whole_model_goes_into_one_with_adapters() -> None:
    model = lora()
    changed = disturbed(copy.deepcopy(model))
    files = all_written(model_files(changed.state_dict()))
    restore_model(model, files.__getitem__, files.keys())
    assert same(model, changed)


class Expanded(nn.Module):
    """Buffers whose numbers share their memory, as of a mask that is the same for every row."""

    def __init__(self, value: float, sparse: bool) -> None:
        super().__init__()
        self.register_buffer("mask", torch.full((1, 4), value).expand(3, 4))
        self.register_buffer("nothing", None)
        self.register_buffer("graph", torch.eye(3).to_sparse() if sparse else torch.eye(3), persistent=False)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_buffer_made_by_expand_comes_back(sparse: bool) -> None:
    model, written = Expanded(1.0, sparse), all_written(model_artifacts(Expanded(2.0, sparse)))
    restore_model(model, written.__getitem__, written)
    assert torch.equal(model.mask, torch.full((3, 4), 2.0))
