"""The size of a model: as a number, from its config.json, from the headers of its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trainspec.plan.batches import PlanError
from trainspec.plan.scale.model import number_in_words, of_config
from trainspec.plan.scale.reading import model_at

GPT2 = {
    "activation_function": "gelu_new",
    "n_embd": 768,
    "n_head": 12,
    "n_layer": 12,
    "n_positions": 1024,
    "vocab_size": 50257,
    "resid_pdrop": 0.1,
}
LLAMA = {
    "hidden_act": "silu",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 32,
    "rope_theta": 1e4,
    "tie_word_embeddings": False,
    "vocab_size": 32000,
}
MISTRAL = {**LLAMA, "intermediate_size": 14336, "num_key_value_heads": 8}
MIXTRAL = {**MISTRAL, "num_local_experts": 8}


# The numbers of parameters that the published weights have.
@pytest.mark.parametrize(
    ("config", "published"),
    [(GPT2, 124_439_808), (LLAMA, 6_738_415_616), (MISTRAL, 7_241_732_096), (MIXTRAL, 46_702_792_704)],
)
def test_a_config(config: dict[str, Any], published: int) -> None:
    size = of_config(config, "config.json")
    assert size is not None and size.about
    assert size.parameters == pytest.approx(published, rel=0.001)


@pytest.mark.parametrize("config", [{}, {"hidden_size": 8}, {**LLAMA, "is_encoder_decoder": True}])
def test_what_is_no_such_config(config: dict[str, Any]) -> None:
    assert of_config(config, "") is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7e9", 7_000_000_000),
        ("7B", 7_000_000_000),
        ("1.5b", 1_500_000_000),
        ("350M", 350_000_000),
        ("6,738,415,616", 6_738_415_616),
        ("1", 1),
        *((wrong, None) for wrong in ("", "B", "0", "-1", "nan", "inf", "1e30", "seven", "7 B B")),
    ],
)
def test_numbers_as_people_write_them(text: str, number: int | None) -> None:
    assert number_in_words(text) == number


def write(file: Path, shapes: dict[str, list[int]]) -> None:
    header = {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text)


def test_weights_are_counted_by_their_headers(tmp_path: Path) -> None:
    write(tmp_path / "model.safetensors", {"a": [3, 4], "b": [5], "c": []})
    for place in (tmp_path, tmp_path / "model.safetensors"):
        size = model_at(str(place))
        assert (size.parameters, size.about, size.source) == (18, False, "model.safetensors")
        assert size.shapes == {"a": (3, 4), "b": (5,), "c": ()}


def test_shards_a_checkpoint_and_a_config_beside_them(tmp_path: Path) -> None:
    write(tmp_path / "one.safetensors", {"a": [3, 4]})
    write(tmp_path / "two.safetensors", {"b": [5]})
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    (tmp_path / "manifest.json").write_text("{}")
    for place in (tmp_path, tmp_path / "manifest.json"):
        size = model_at(str(place))
        assert size.parameters == 17
        assert size.transformer is not None and size.transformer.layers == 32


def test_a_config_alone_and_one_inside(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"text_config": LLAMA}))
    assert model_at(str(tmp_path)).parameters == model_at(str(file)).parameters > 6e9


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b""),
        ("model.safetensors", b"\xff" * 16),
        ("model.safetensors", b"\x02" + b"\0" * 7 + b"[]"),
        ("model.safetensors.index.json", b'{"weight_map": {"a": "../elsewhere.safetensors"}}'),
        ("model.safetensors.index.json", b'{"weight_map": {"a": "gone.safetensors"}}'),
        ("config.json", b"{}"),
        ("config.json", b"[" * 100_000),
        ("other.txt", b""),
    ],
)
def test_what_tells_no_size(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PlanError):
        model_at(str(tmp_path / name))
    with pytest.raises(PlanError):
        model_at(str(tmp_path))
