"""Promise: a snapshot, its files and the manifest are three steps, and only after the last there is a checkpoint."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
import torch
from tests.training.checkpoint.written import written

from trainspec.training.checkpoint import (
    CheckpointError,
    Snapshot,
    list_checkpoints,
    make_room,
    open_checkpoint,
    publish,
    replaces_whole,
    save_checkpoint,
    write,
)
from trainspec.training.checkpoint import save as saving
from trainspec.training.checkpoint.contents import Contents, pack, unpack
from trainspec.training.checkpoint.payload import Document
from trainspec.training.checkpoint.tensor_files import TorchFile
from trainspec.training.checkpoint.weights import model_files

if TYPE_CHECKING:
    from trainspec.storage import Store


def _contents(value: float = 1.0) -> Contents:
    weight = torch.full((3,), value)
    return Contents({"w": weight, "tied": weight}, {"global_step": 5}, optimizer={"moments": [torch.full((2,), value)]})


def test_one_phase_after_the_other(store: Store) -> None:
    snapshot = Snapshot(5, pack(_contents()), {"best": True})
    assert not store.exists()
    make_room(5, store)
    records = write(snapshot, store)
    assert [record.name for record in records] == list(snapshot.files)
    assert list_checkpoints(store) == []
    why = "there is no such folder" if replaces_whole(store) else "saving it was never finished"
    with pytest.raises(CheckpointError, match=why):
        open_checkpoint(store.child("checkpoint-5"))
    published = publish(snapshot, records, store)
    published.verify()
    assert [found.manifest for found in list_checkpoints(store)] == [published.manifest]
    assert torch.equal(unpack(published).model["tied"], torch.ones(3))


def test_several_processes_write_and_one_publishes(store: Store) -> None:
    data = {"epoch": 1, "rows": 12, "seed": 42, "length": None}
    layout = {"kind": "sharded", "shards": 2}
    parts = [
        Snapshot(5, {f"part_{rank}": Document(bytes([rank]))}, {"best": False}, data, world_size=2, layout=layout)
        for rank in (0, 1)
    ]
    make_room(5, store)
    records = [record for part in reversed(parts) for record in write(part, store)]
    published = publish(parts[0], records, store)
    found = open_checkpoint(published.url)
    assert found.manifest == published.manifest
    assert [file.name for file in found.manifest.files] == ["part_0", "part_1"]
    assert (found.manifest.world_size, found.manifest.layout, found.manifest.data) == (2, layout, data)
    found.verify()


def test_a_part_that_was_not_written_is_noticed(store: Store) -> None:
    snapshot = Snapshot(5, {"a": Document(b"1"), "b": Document(b"22")})
    make_room(5, store)
    records = write(snapshot, store)
    store.delete(f"{'.checkpoint-5.unfinished' if replaces_whole(store) else 'checkpoint-5'}/b")
    with pytest.raises(CheckpointError, match="after writing it, b is missing"):
        publish(snapshot, records, store)
    assert list_checkpoints(store) == []


def test_the_manifest_is_of_format_3(store: Store) -> None:
    save_checkpoint(store, 5, {"a": b"1"})
    publish(Snapshot(6, {}, data={"epoch": 0, "rows": math.inf}), [], store)
    first, second = (json.loads(store.read_bytes(f"checkpoint-{step}/manifest.json")) for step in (5, 6))
    known = {"format": 3, "world_size": 1, "layout": {"kind": "full"}}
    assert {**first, **known, "global_step": 5, "data": None} == first
    assert {**second, **known, "global_step": 6, "data": {"epoch": 0, "rows": None}} == second


def test_a_snapshot_refers_to_tensors_and_a_copy_does_not(store: Store) -> None:
    contents = _contents()
    snapshot = Snapshot(5, pack(contents))
    copied = snapshot.copied()
    assert copied.files.keys() == snapshot.files.keys()
    contents.model["w"].fill_(2.0)
    assert contents.optimizer is not None
    contents.optimizer["moments"][0].fill_(2.0)
    for taken, value in ((snapshot, 2.0), (copied, 1.0)):
        make_room(5, store)
        found = unpack(publish(taken, write(taken, store), store))
        assert found.optimizer is not None
        assert torch.equal(found.model["w"], torch.full((3,), value))
        assert torch.equal(found.optimizer["moments"][0], torch.full((2,), value))


def test_a_copy_is_written_as_the_original() -> None:
    base = torch.arange(64.0).reshape(8, 8)
    value = {
        "whole": base,
        "views": (base[2:4], base.t(), base[:, :0]),
        "other": torch.ones(3, dtype=torch.bfloat16, requires_grad=True),
        "conjugated": torch.ones(2, dtype=torch.complex64).conj(),
        "step": 3,
    }
    files = {"model": model_files({"a": base, "b": base[1:3], "c": base}), "state": {"s": TorchFile(value)}}
    snapshot = Snapshot(1, {f"{kind}/{name}": part for kind, parts in files.items() for name, part in parts.items()})
    copied = snapshot.copied()
    model = "model/model.safetensors"
    assert written(copied.files[model]) == written(snapshot.files[model])
    sizes = [len(written(taken.files["state/s"])) for taken in (snapshot, copied)]
    assert sizes[1] <= sizes[0] + 64, "views share the memory of their base"
    back = copied.files["state/s"].value  # type: ignore[attr-defined]
    assert all(torch.equal(one, other) for one, other in zip(back["views"], value["views"], strict=True))
    assert torch.equal(back["conjugated"], value["conjugated"])
    assert back["step"] == 3


def test_versions_are_looked_up_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = saving.version
    monkeypatch.setattr(saving, "version", lambda package: asked.append(package) or real(package))
    saving._version.cache_clear()
    for step in (1, 2):
        found = save_checkpoint(store, step, {"a.bin": b"a"})
        assert {"python", "torch", "safetensors", "trainspec"} == found.manifest.versions.keys()
    assert sorted(asked) == ["safetensors", "torch", "trainspec"]
