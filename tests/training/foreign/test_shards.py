"""Promise: weights in shards are read wherever weights are, and an index can neither leave its folder nor lie."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.training.small_job import Line, Make

from trainspec.storage import open_store
from trainspec.training.checkpoint import CheckpointError, open_checkpoint, save_checkpoint
from trainspec.training.checkpoint.contents import load_model_state
from trainspec.training.checkpoint.model_files import restore_model
from trainspec.training.checkpoint.ranks.loading import load_trained_weights
from trainspec.training.parallel import SingleProcess

INDEX = "model.safetensors.index.json"
WEIGHT, BIAS = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The weights of a Line in two shards."""
    state = Line().state_dict()
    save_file({"layer.weight": state["layer.weight"] + 1}, tmp_path / WEIGHT)
    save_file({"layer.bias": state["layer.bias"] + 1}, tmp_path / BIAS)
    write_index(tmp_path, {"layer.weight": WEIGHT, "layer.bias": BIAS})
    return tmp_path


def write_index(folder: Path, weights: Any, name: str = INDEX) -> None:
    (folder / name).write_text(json.dumps({"metadata": {"total_size": 20}, "weight_map": weights}))


def restored(folder: Path) -> Line:
    store, model = open_store(folder), Line()
    restore_model(model, store.read_bytes, [entry.name for entry in store.entries()], store.url)
    return model


def is_shifted(model: Line) -> bool:
    return all(torch.equal(model.state_dict()[name], value + 1) for name, value in Line().state_dict().items())


def test_shards_are_one_model(folder: Path) -> None:
    assert is_shifted(restored(folder))


def test_shards_of_torch_files_are_one_model(folder: Path) -> None:
    for name in (WEIGHT, BIAS):
        torch.save(load_file(folder / name), folder / name.replace("safetensors", "bin"))
        (folder / name).unlink()
    (folder / INDEX).unlink()
    places = {"layer.weight": WEIGHT, "layer.bias": BIAS}
    write_index(
        folder,
        {key: file.replace("safetensors", "bin") for key, file in places.items()},
        "pytorch_model.bin.index.json",
    )
    assert is_shifted(restored(folder))


def test_a_command_that_does_not_train_reads_them(folder: Path, arguments: Any) -> None:
    model = Line()
    load_trained_weights(model, arguments(do_train=False), open_store(folder), SingleProcess())
    assert is_shifted(model)


def test_a_checkpoint_of_shards_is_read_as_any_other(folder: Path, tmp_path: Path) -> None:
    files = {path.name: path for path in folder.iterdir() if path.is_file()}
    store = open_store(tmp_path / "out")
    save_checkpoint(store, 3, files)
    state = load_model_state(open_checkpoint(tmp_path / "out" / "checkpoint-3"))
    assert sorted(state) == ["layer.bias", "layer.weight"]


def test_the_best_model_is_loaded_from_shards(folder: Path, make_trainer: Make, tmp_path: Path) -> None:
    from trainspec.training.run.resuming.best import load_best

    files = {path.name: path for path in folder.iterdir() if path.is_file()}
    save_checkpoint(open_store(tmp_path / "out"), 3, files)
    trainer = make_trainer(load_best_model_at_end=True, eval_strategy="epoch", save_strategy="epoch")
    trainer.state.best_global_step = 3
    trainer.state.best_model_checkpoint = str(tmp_path / "out" / "checkpoint-3")
    load_best(trainer.state, trainer.model, trainer.parts.strategy)
    assert is_shifted(trainer.model)


@pytest.mark.parametrize("size", ["2KB", "8KB"])
def test_a_model_that_transformers_cut_up_is_read(tmp_path: Path, size: str) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(n_layer=2, n_embd=16, n_head=2, vocab_size=32, n_positions=16)
    torch.manual_seed(1)
    saved = transformers.GPT2LMHeadModel(config)
    saved.save_pretrained(tmp_path, max_shard_size=size)
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    torch.manual_seed(2)
    model = transformers.GPT2LMHeadModel(config)
    store = open_store(tmp_path)
    restore_model(model, store.read_bytes, [entry.name for entry in store.entries()], store.url)
    for name, value in saved.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name


OUTSIDE = [
    "../x.safetensors",
    "/etc/x.bin",
    "sub/x.safetensors",
    "..\\x.bin",
    "C:x.bin",
    "x\0.bin",
    "",
    "..",
    "notes.txt",
]


@pytest.mark.parametrize("place", OUTSIDE)
def test_an_index_does_not_leave_its_folder(folder: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sub").mkdir()
    for name in ("sub/x.safetensors", "notes.txt"):
        save_file({"layer.bias": torch.zeros(1)}, folder / name)
    write_index(folder, {"layer.weight": WEIGHT, "layer.bias": place})
    read: list[str] = []
    names = [entry.name for entry in open_store(folder).entries()] + [place]

    def reading(name: str) -> bytes:
        read.append(name)
        return (folder / name).read_bytes()

    with pytest.raises(CheckpointError, match=r"model.safetensors.index.json names .* no file of weights beside it"):
        restore_model(Line(), reading, names, "here")
    assert read == [INDEX], "nothing but the index was read"


DOUBLED = f'{{"weight_map": {{"layer.bias": "{WEIGHT}", "layer.bias": "{BIAS}"}}}}'
BROKEN = {
    "a shard is missing": ({"layer.weight": WEIGHT, "layer.bias": "model-00003-of-00002.safetensors"}, "not there"),
    "a tensor is elsewhere": ({"layer.weight": BIAS, "layer.bias": WEIGHT}, "lacks layer.weight|lacks layer.bias"),
    "a tensor is in no shard": ({"layer.weight": WEIGHT, "layer.bias": BIAS, "x": BIAS}, "lacks x"),
    "a tensor is not listed": ({"layer.weight": WEIGHT}, "does not fit the model: it lacks layer.bias"),
    "it maps to no text": ({"layer.weight": 1}, "does not map tensors to files"),
    "it is a list": (["layer.weight"], "does not map tensors to files"),
}


@pytest.mark.parametrize(("weights", "said"), BROKEN.values(), ids=BROKEN)
def test_an_index_that_disagrees_is_refused(folder: Path, weights: Any, said: str) -> None:
    write_index(folder, weights)
    with pytest.raises(Exception, match=said):
        restored(folder)


@pytest.mark.parametrize("text", [DOUBLED, "", "[]", "{}", "nonsense", '{"weight_map": null}', "[" * 100_000])
def test_a_text_that_is_no_index_is_refused(folder: Path, text: str) -> None:
    (folder / INDEX).write_text(text)
    with pytest.raises(CheckpointError, match=INDEX):
        restored(folder)


def test_a_tensor_in_two_shards_is_refused(folder: Path) -> None:
    save_file({"layer.bias": torch.ones(1), "layer.weight": torch.ones(1, 4)}, folder / BIAS)
    with pytest.raises(CheckpointError, match=f"{BIAS} holds layer.weight, which another shard"):
        restored(folder)


def test_a_shard_that_is_cut_off_is_named(folder: Path) -> None:
    (folder / BIAS).write_bytes((folder / BIAS).read_bytes()[:-3])
    with pytest.raises(CheckpointError, match=BIAS):
        restored(folder)


class Hostile:
    """Would leave a file where it was run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_shard_with_code_in_it_runs_nothing(folder: Path) -> None:
    file = "pytorch_model-00001-of-00001.bin"
    (folder / INDEX).unlink()
    (folder / file).write_bytes(pickle.dumps({"layer.weight": Hostile(folder / "ran")}))
    write_index(folder, {"layer.weight": file}, "pytorch_model.bin.index.json")
    with pytest.raises(CheckpointError, match=file):
        restored(folder)
    assert not (folder / "ran").exists()
