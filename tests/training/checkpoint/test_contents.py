"""Promise: a run goes on from a checkpoint bit for bit, and nothing in one can make the reader run code."""

from __future__ import annotations

import json
import math
import os
import pickle
import random
from typing import TYPE_CHECKING, Any

import numpy
import pytest
import torch
from tests.training.checkpoint.written import written
from torch import Tensor, nn

from trainspec.training.checkpoint import Checkpoint, CheckpointError, save_checkpoint
from trainspec.training.checkpoint.contents import (
    Contents,
    load_model_state,
    pack,
    unpack,
    why_not_resumable,
)
from trainspec.training.checkpoint.ranks.rng import restore_rng, rng_bytes, rng_file
from trainspec.training.checkpoint.weights import (
    model_files,
    state_from_safetensors,
)

if TYPE_CHECKING:
    from pathlib import Path

    from trainspec.storage import Store


class Tied(nn.Module):
    """Output weights that are the input embedding, and a buffer that is no float."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.body = nn.Linear(4, 4)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embedding.weight
        self.register_buffer("seen", torch.tensor(3))

    def forward(self, ids: Tensor) -> Tensor:
        result: Tensor = self.head(self.body(self.embedding(ids)))
        return result


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def _train(model: Tied, optimizer: torch.optim.Optimizer, schedule: Any, updates: int) -> None:
    for _ in range(updates):
        model(torch.randint(7, (5,))).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()


def _parts() -> tuple[Tied, torch.optim.Optimizer, Any]:
    model = Tied()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    return model, optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: 1 / (k + 1))


@pytest.mark.parametrize("save_safetensors", [True, False])
def test_a_resumed_run_is_the_uninterrupted_one(store: Store, save_safetensors: bool) -> None:
    torch.manual_seed(1)
    model, optimizer, schedule = _parts()
    scaler = torch.amp.GradScaler("cpu")
    _train(model, optimizer, schedule, 3)
    contents = Contents(
        model=model.state_dict(),
        trainer_state={"global_step": 3},
        training_args={"seed": 1},
        optimizer=optimizer.state_dict(),
        scheduler=schedule.state_dict(),
        scaler=scaler.state_dict(),
        rng={rng_file(): rng_bytes()},
    )
    saved = save_checkpoint(store, 3, pack(contents, save_safetensors=save_safetensors))
    _train(model, optimizer, schedule, 3)

    torch.manual_seed(2)
    found = unpack(saved)
    again, its_optimizer, its_schedule = _parts()
    assert found.optimizer is not None
    assert found.scheduler is not None
    assert found.scaler is not None
    again.load_state_dict(dict(found.model), strict=True)
    its_optimizer.load_state_dict(dict(found.optimizer))
    its_schedule.load_state_dict(dict(found.scheduler))
    torch.amp.GradScaler("cpu").load_state_dict(dict(found.scaler))
    restore_rng(found.rng[rng_file()], saved.url)
    _train(again, its_optimizer, its_schedule, 3)

    assert _equal(again.state_dict(), model.state_dict())
    assert _equal(its_optimizer.state_dict(), optimizer.state_dict())
    assert again.head.weight is again.embedding.weight
    assert (found.trainer_state, found.training_args) == ({"global_step": 3}, {"seed": 1})
    assert why_not_resumable(saved) is None


class TestWeights:
    def test_tied_tensors_are_stored_once_and_come_back_under_both_names(self) -> None:
        model = Tied()
        data = written(model_files(model.state_dict())["model.safetensors"])
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        assert set(header) == {"__metadata__", "body.bias", "body.weight", "embedding.weight", "seen"}
        assert header["__metadata__"] == {"format": "pt", "head.weight": "embedding.weight"}
        assert _equal(state_from_safetensors(data, "x"), dict(model.state_dict()))

    def test_views_that_overlap_or_are_strided(self) -> None:
        base = torch.arange(12.0)
        state = {"all": base, "half": base[:6], "t": base.view(3, 4).t(), "empty": base[:0], "none": base[:0]}
        back = state_from_safetensors(written(model_files(state)["model.safetensors"]), "x")
        assert _equal(back, {name: state[name] for name in back})
        assert back.keys() == state.keys()

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.int64, torch.bool, torch.uint8])
    def test_dtypes(self, dtype: torch.dtype) -> None:
        state = {"x": torch.tensor([0, 1, 1]).to(dtype)}
        assert _equal(state_from_safetensors(written(model_files(state)["model.safetensors"]), "x"), state)

    def test_what_safetensors_cannot_hold(self) -> None:
        with pytest.raises(TypeError, match=r"extra is a dict.*save_safetensors: false"):
            model_files({"extra": {}})

    def test_damaged_safetensors(self) -> None:
        data = written(model_files({"x": torch.ones(3)})["model.safetensors"])
        for broken in (b"", data[:5], data[:-1], b"\xff" * 8 + data[8:]):
            with pytest.raises(CheckpointError, match="cannot be read"):
                state_from_safetensors(broken, "x")


class Trap:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("form", ["torch file", "plain pickle"])
@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "scaler.pt", "pytorch_model.bin"])
def test_a_pickle_that_runs_code_is_refused(store: Store, tmp_path: Path, name: str, form: str) -> None:
    trap = Trap(f"touch {tmp_path}/sprung")
    if form == "torch file":
        torch.save({"state": trap}, tmp_path / "trap")
        data = (tmp_path / "trap").read_bytes()
    else:
        data = pickle.dumps(trap, protocol=2)
    files = {} if name == "pytorch_model.bin" else model_files({"x": torch.ones(1)})
    known = {"trainer_state.json": b"{}", "training_args.json": b"{}"}
    checkpoint = save_checkpoint(store, 1, {**known, **files, name: data})
    with pytest.raises(CheckpointError, match=f"{name} is not loaded"):
        unpack(checkpoint)
    assert not (tmp_path / "sprung").exists()
    pickle.loads(pickle.dumps(trap))
    assert (tmp_path / "sprung").exists(), "the trap itself must work"


class TestRandomness:
    def test_every_generator_goes_on_where_it_was(self) -> None:
        random.seed(3)
        numpy.random.seed(4)
        torch.manual_seed(5)
        random.gauss(0, 1)
        numpy.random.standard_normal(3)
        state = rng_bytes()
        expected = self._draw()
        random.seed(0)
        numpy.random.seed(0)
        torch.manual_seed(0)
        restore_rng(state, "x")
        assert self._draw() == expected
        restore_rng(state, "x")
        assert rng_bytes() == state

    @staticmethod
    def _draw() -> list[Any]:
        return [
            random.gauss(0, 1),
            random.random(),
            numpy.random.standard_normal(3).tolist(),
            torch.rand(3).tolist(),
            torch.randn(17).tolist(),
        ]

    @pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"python": [3, [1], null], "torch": "00", "cuda": []}'])
    def test_damaged(self, data: bytes) -> None:
        with pytest.raises(CheckpointError, match="random state is damaged"):
            restore_rng(data, "x")

    def test_other_devices(self) -> None:
        state = json.loads(rng_bytes())
        state["cuda"] = ["00"] * (torch.cuda.device_count() + 1)
        with pytest.raises(CheckpointError, match="CUDA devices"):
            restore_rng(json.dumps(state).encode(), "x")

    def test_names(self) -> None:
        assert rng_file() == "rng_state.json"
        assert rng_file(1, 2) == "rng_state_1.json"


def _saved(store: Store, contents: Contents) -> Checkpoint:
    return save_checkpoint(store, 1, pack(contents))


def test_the_trainer_state_keeps_nan_and_inf(store: Store) -> None:
    state = {"log": [{"loss": math.nan}, {"loss": -math.inf}], "best": 0.1 + 0.2, "none": None}
    saved = _saved(store, Contents({"x": torch.ones(1)}, trainer_state=state))
    back = unpack(saved).trainer_state
    assert math.isnan(back["log"][0]["loss"])
    assert {**back, "log": back["log"][1:]} == {**state, "log": [{"loss": -math.inf}]}
    json.loads(saved.read("trainer_state.json"), parse_constant=pytest.fail)


def test_a_model_alone_is_not_resumable_and_says_why(store: Store) -> None:
    saved = _saved(store, Contents({"x": torch.ones(1)}))
    assert unpack(saved).optimizer is None
    reason = why_not_resumable(saved)
    assert reason is not None
    assert "holds no optimizer.safetensors and scheduler.json" in reason
    assert "save_only_model" in reason


def test_no_weights(store: Store) -> None:
    with pytest.raises(CheckpointError, match=r"holds none of model\.safetensors"):
        load_model_state(save_checkpoint(store, 1, {"a": b""}))


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"global_step": }'])
def test_damaged_json(store: Store, data: bytes) -> None:
    files = pack(Contents({"x": torch.ones(1)})) | {"trainer_state.json": data}
    with pytest.raises(CheckpointError, match=r"trainer_state\.json is no JSON object"):
        unpack(save_checkpoint(store, 1, files))
