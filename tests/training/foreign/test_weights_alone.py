"""Promise: of Accelerate's folders and DeepSpeed's universal checkpoints the weights are taken over, and what is left
behind is named; nothing in their files is ever called."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from trainspec.storage import open_store
from trainspec.training.checkpoint import CheckpointError, open_checkpoint
from trainspec.training.checkpoint.contents import load_model_state
from trainspec.training.foreign.importing import Imported, import_checkpoints
from trainspec.training.foreign.plain_tensors import StrangeFileError, plain_tensor

WEIGHT = torch.arange(12.0).reshape(3, 4)


def imported(source: Path, target: Path, **more: Any) -> Imported:
    (done,) = import_checkpoints(open_store(source), open_store(target), **more)
    return done


@pytest.fixture
def accelerated(tmp_path: Path) -> Path:
    """As accelerator.save_state() of one process writes it."""
    accelerate = pytest.importorskip("accelerate")
    accelerator = accelerate.Accelerator(cpu=True)
    model = torch.nn.Linear(4, 3)
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer)
    model, optimizer, schedule = accelerator.prepare(model, optimizer, schedule)
    with torch.no_grad():
        model.weight.copy_(WEIGHT)
    accelerator.save_state(str(tmp_path / "theirs"))
    return tmp_path / "theirs"


def test_the_weights_of_accelerate(accelerated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*given: Any, **named: Any) -> Any:
        raise AssertionError("nothing is unpickled")

    for module, name in ((pickle, "load"), (pickle, "loads"), (torch, "load")):
        monkeypatch.setattr(module, name, never)
    done = imported(accelerated, tmp_path / "out")
    assert done.step == 0 and done.target == str(tmp_path / "out" / "checkpoint-0") and not done.resumable
    (item,) = done.findings
    assert item.code == "RUN111" and item.severity == "warning"
    assert all(name in item.reason for name in ("optimizer.bin", "scheduler.bin", "random_states_0.pkl"))
    found = open_checkpoint(tmp_path / "out" / "checkpoint-0")
    found.verify()
    assert torch.equal(load_model_state(found)["weight"], WEIGHT)
    again = imported(accelerated, tmp_path / "out")
    assert again.target is None and "is there already" in again.findings[0].reason
    assert imported(accelerated, tmp_path / "out", replace_old=True).target is not None


def test_weights_in_torchs_own_format_stay(accelerated: Path, tmp_path: Path) -> None:
    (accelerated / "model.safetensors").rename(accelerated / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="Accelerate's save_state wrote it"):
        imported(accelerated, tmp_path / "out")


def test_damaged_weights_are_named(accelerated: Path, tmp_path: Path) -> None:
    (accelerated / "model.safetensors").write_bytes(b"1234")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        imported(accelerated, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def universal(folder: Path, **parameters: Tensor) -> Path:
    for name, value in parameters.items():
        place = folder / "zero" / name
        place.mkdir(parents=True)
        # As ds_to_universal.py writes it.
        torch.save({"param": value, "cat_dim": 0}, place / "fp32.pt")
        torch.save({"param": torch.zeros_like(value)}, place / "exp_avg.pt")
    return folder


def test_a_universal_checkpoint(tmp_path: Path) -> None:
    view = torch.arange(24.0).reshape(4, 6)[1:, 1:5].t()
    half = WEIGHT.bfloat16()
    parameters = {"layer.weight": WEIGHT, "layer.bias": torch.tensor(3.0), "view": view, "half": half}
    source = universal(tmp_path / "global_step50_universal", **parameters, nothing=torch.empty(0, 3))
    done = imported(source, tmp_path / "out")
    assert done.step == 50 and "exp_avg.pt" in done.findings[0].reason
    found = load_file(tmp_path / "out" / "checkpoint-50" / "model.safetensors")
    assert found.keys() == {*parameters, "nothing"} and found["nothing"].shape == (0, 3)
    for name, value in parameters.items():
        assert found[name].dtype == value.dtype and torch.equal(found[name], value)


def written(value: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def with_pickle(change: Any) -> bytes:
    """A file of a plain tensor whose description is another one."""
    stream, out = io.BytesIO(written({"param": WEIGHT})), io.BytesIO()
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data) if name.endswith("data.pkl") else data)
    return out.getvalue()


class Deed:
    def __reduce__(self) -> Any:
        return os.system, ("touch never-touched",)


HOSTILE: dict[str, bytes] = {
    "no archive": b"1234",
    "nothing": b"",
    "cut off": written({"param": WEIGHT})[:200],
    "a call": with_pickle(lambda data: pickle.dumps({"param": Deed()}, protocol=2)),
    "another protocol": with_pickle(lambda data: pickle.dumps({"param": Deed()}, protocol=5)),
    "another class": written({"param": torch.nn.Linear(2, 2)}),
    "no mapping": written(WEIGHT),
    "another key": written({"other": WEIGHT}),
    "whole numbers": written({"param": torch.arange(3)}),
    "sparse": written({"param": WEIGHT.to_sparse()}),
    "no end": with_pickle(lambda data: data[:-1]),
    "empty": with_pickle(lambda data: b""),
    "only an end": with_pickle(lambda data: b"."),
    "too long": with_pickle(lambda data: b"\x80\x02" + b"}" * 20_000 + b"."),
    "other storage": with_pickle(lambda data: data.replace(b"FloatStorage", b"LongsStorage")),
    "larger": with_pickle(lambda data: data.replace(b"K\x03K\x04", b"K\x04K\x04")),
    "beyond": with_pickle(
        lambda data: data.replace(b"K\x03K\x04", b"K\x02K\x06").replace(b"K\x04K\x01", b"K\xffK\x01")
    ),
    "elsewhere": with_pickle(lambda data: data.replace(b"X\x01\x00\x00\x000", b"X\x01\x00\x00\x001")),
    "negative": with_pickle(lambda data: data.replace(b"K\x04K\x01", b"J\xff\xff\xff\xffK\x01")),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_plain_tensor_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(StrangeFileError):
        plain_tensor(data, "param")
    assert not Path("never-touched").exists()
    source = universal(tmp_path / "theirs", weight=WEIGHT)
    (source / "zero" / "weight" / "fp32.pt").write_bytes(data)
    with pytest.raises(CheckpointError, match=r"zero/weight/fp32\.pt is no plain tensor.*zero_to_fp32\.py"):
        imported(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_any_byte_may_be_another() -> None:
    """Nothing but a StrangeFileError, or a tensor: the numbers themselves may differ."""
    whole = written({"param": WEIGHT})
    for place in range(0, len(whole), 3):
        data = bytearray(whole)
        data[place] ^= 0x55
        try:
            assert plain_tensor(bytes(data), "param").numel() <= WEIGHT.numel()
        except StrangeFileError:
            continue


def test_sharded_weights_of_accelerate(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    names = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    for number, name in enumerate(names):
        save_file({f"layer.{number}": WEIGHT + number}, folder / name)
    where = ", ".join(f'"layer.{number}": "{name}"' for number, name in enumerate(names))
    (folder / "model.safetensors.index.json").write_text('{"metadata": {}, "weight_map": {' + where + "}}")
    (folder / "random_states_0.pkl").write_bytes(b"1")
    imported(folder, tmp_path / "out")
    found = load_model_state(open_checkpoint(tmp_path / "out" / "checkpoint-0"))
    assert torch.equal(found["layer.1"], WEIGHT + 1)
