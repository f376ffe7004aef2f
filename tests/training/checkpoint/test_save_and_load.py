"""Promise: a checkpoint is read exactly as written, or refused with the reason; never in part."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from trainspec.storage import FileRecord, StorageError, Store, Writer, open_store
from trainspec.training.checkpoint import (
    CheckpointError,
    list_checkpoints,
    newest_valid,
    open_checkpoint,
    replaces_whole,
    save_checkpoint,
)
from trainspec.training.checkpoint.manifest import with_checksum

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = {"model.safetensors": b"weights " * 100, "state/optimizer.pt": b"moments"}
FOLDER = "checkpoint-5"


def test_round_trip(store: Store, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(b"from a file")
    saved = save_checkpoint(store, 5, {**FILES, "large.bin": large}, {"metrics": {"eval_loss": 0.5}})
    assert saved.url == store.child_url(FOLDER)
    found = open_checkpoint(saved.url)
    assert found.step == 5
    assert found.manifest.files == saved.manifest.files
    assert found.manifest.metadata["metrics"] == {"eval_loss": 0.5}
    assert "trainspec_version" in found.manifest.metadata
    assert found.read("model.safetensors") == FILES["model.safetensors"]
    assert found.read("large.bin") == b"from a file"
    with found.local_file("state/optimizer.pt") as path:
        assert path.read_bytes() == b"moments"
    assert found.has("large.bin")
    assert not found.has("scaler.pt")
    found.verify()


def test_the_manifest_is_written_last(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    real = type(store).write

    def noted(self: Store, name: str, writer: Writer) -> FileRecord:
        written.append(name)
        return real(self, name, writer)

    monkeypatch.setattr(type(store), "write", noted)
    save_checkpoint(store, 5, FILES)
    assert written == [*FILES, "manifest.json"]


def test_numbers_that_json_lacks_are_null(store: Store) -> None:
    save_checkpoint(store, 5, FILES, {"metrics": {"eval_loss": float("nan"), "best": [float("inf")]}})
    text = store.read_bytes(f"{FOLDER}/manifest.json").decode()
    metadata = json.loads(text, parse_constant=pytest.fail)["metadata"]
    assert metadata["metrics"] == {"eval_loss": None, "best": [None]}


def _drop_manifest(folder: Store) -> None:
    folder.delete("manifest.json")


def _truncate(folder: Store) -> None:
    folder.write_bytes("model.safetensors", FILES["model.safetensors"][:-1])


def _lose_file(folder: Store) -> None:
    folder.delete("state/optimizer.pt")


def _cut_manifest(folder: Store) -> None:
    folder.write_bytes("manifest.json", folder.read_bytes("manifest.json")[:-20])


def _change_manifest(**changes: object) -> Callable[[Store], None]:
    def change(folder: Store) -> None:
        document = json.loads(folder.read_bytes("manifest.json"))
        folder.write_bytes("manifest.json", json.dumps(with_checksum(document | changes)).encode())

    return change


def _swap(old: bytes, new: bytes) -> Callable[[Store], None]:
    def change(folder: Store) -> None:
        text = folder.read_bytes("manifest.json")
        assert old in text
        folder.write_bytes("manifest.json", text.replace(old, new))

    return change


BROKEN: dict[str, tuple[Callable[[Store], None], str]] = {
    "no manifest": (_drop_manifest, r"it has no manifest\.json: saving it was never finished"),
    "truncated file": (_truncate, r"model\.safetensors has 799 bytes, 800 were written"),
    "lost file": (_lose_file, r"state/optimizer\.pt is missing"),
    "cut manifest": (_cut_manifest, r"manifest\.json is damaged"),
    "no object": (lambda folder: folder.write_bytes("manifest.json", b"[1]"), "is damaged"),
    "deeply nested": (lambda folder: folder.write_bytes("manifest.json", b"[" * 100_000), "is damaged"),
    "no text": (lambda folder: folder.write_bytes("manifest.json", b"\xff\xfe\x00"), "is damaged"),
    "newer format": (_change_manifest(format=4), "newer trainspec .format 4, this one reads up to 3"),
    "unknown format": (_change_manifest(format="x"), "format 'x' is unknown"),
    "step is text": (_change_manifest(global_step="5"), "is damaged"),
    "step is a boolean": (_change_manifest(global_step=True), "is damaged"),
    "no processes": (_change_manifest(world_size=0), "is damaged"),
    "processes are text": (_change_manifest(world_size="2"), "is damaged"),
    "layout without a kind": (_change_manifest(layout={}), "is damaged"),
    "layout is text": (_change_manifest(layout="full"), "is damaged"),
    "another step, by accident": (_swap(b'"global_step": 5', b'"global_step": 4'), r"manifest\.json is damaged"),
    "another name, by accident": (_swap(b'"checksum"', b'"checksun"'), r"manifest\.json is damaged"),
    "position is a number": (_change_manifest(data=5), "is damaged"),
    "sizes are text": (_change_manifest(files=[{"name": "a", "size": "1", "sha256": ""}]), "is damaged"),
}


@pytest.mark.parametrize(("damage", "problem"), BROKEN.values(), ids=BROKEN)
def test_broken_ones_are_refused_and_passed_over(store: Store, damage: Callable[[Store], None], problem: str) -> None:
    save_checkpoint(store, 4, FILES)
    save_checkpoint(store, 5, FILES)
    damage(store.child(FOLDER))
    with pytest.raises(CheckpointError, match=problem):
        open_checkpoint(store.child_url(FOLDER))
    skipped: list[CheckpointError] = []
    assert [found.step for found in list_checkpoints(store, skipped.append)] == [4]
    newest = newest_valid(store, skipped.append)
    assert newest is not None
    assert newest.step == 4
    assert [error.where for error in skipped] == [store.child_url(FOLDER)] * 2


@pytest.mark.parametrize("position", [0, 399, 799])
def test_a_flipped_byte_is_found(store: Store, position: int) -> None:
    save_checkpoint(store, 4, FILES)
    save_checkpoint(store, 5, FILES)
    content = bytearray(FILES["model.safetensors"])
    content[position] ^= 1
    store.write_bytes(f"{FOLDER}/model.safetensors", bytes(content))
    checkpoint = open_checkpoint(store.child(FOLDER))
    with pytest.raises(CheckpointError, match=r"model\.safetensors has changed .*SHA-256"):
        checkpoint.read("model.safetensors")
    with pytest.raises(CheckpointError, match="SHA-256"), checkpoint.local_file("model.safetensors"):
        pass
    assert checkpoint.read("state/optimizer.pt") == b"moments"
    newest = newest_valid(store)
    assert newest is not None
    assert newest.step == 4


def test_a_renamed_checkpoint_is_not_of_that_step(store: Store) -> None:
    save_checkpoint(store, 5, FILES)
    for entry in store.entries(FOLDER):
        store.write_bytes(entry.name.replace("-5", "-9"), store.read_bytes(entry.name))
    assert [found.step for found in list_checkpoints(store)] == [5]
    assert open_checkpoint(store.child("checkpoint-9")).step == 5


def test_steps_are_numbers(store: Store) -> None:
    for step in (900, 1000, 20):
        save_checkpoint(store, step, FILES)
    store.write_bytes("checkpoint-best/x", b"")
    store.write_bytes("checkpoint-007/x", b"")
    store.write_bytes("old-checkpoint-2000/x", b"")
    assert [found.step for found in list_checkpoints(store)] == [20, 900, 1000]
    newest = newest_valid(store)
    assert newest is not None
    assert newest.step == 1000


def test_nothing_there(store: Store) -> None:
    assert list_checkpoints(store) == []
    assert newest_valid(store) is None
    with pytest.raises(CheckpointError, match="there is no such folder"):
        open_checkpoint(store.child_url("checkpoint-1"))


def test_the_output_folder_is_no_checkpoint_but_knows_some(store: Store) -> None:
    save_checkpoint(store, 5, FILES)
    with pytest.raises(CheckpointError, match="holds checkpoints itself; the newest is checkpoint-5"):
        open_checkpoint(store.url)


def test_an_older_attempt_is_cleared(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = type(store).write

    def killed(self: Store, name: str, writer: Writer) -> FileRecord:
        if name.endswith("second.bin"):
            raise KeyboardInterrupt
        return real(self, name, writer)

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "write", killed)
        with pytest.raises(KeyboardInterrupt):
            save_checkpoint(store, 5, {"first.bin": b"from a crash", "second.bin": b"never written"})
    save_checkpoint(store, 5, FILES)
    assert {entry.name for entry in store.entries(FOLDER)} == {f"{FOLDER}/{name}" for name in (*FILES, "manifest.json")}


def test_a_failed_second_attempt_leaves_the_first_or_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = save_checkpoint(store, 5, FILES)
    real = type(store).write

    def fail(self: Store, name: str, writer: Writer) -> FileRecord:
        if name.endswith("optimizer.pt"):
            raise StorageError(self.url, "write", "no space is left there")
        return real(self, name, writer)

    monkeypatch.setattr(type(store), "write", fail)
    with pytest.raises(StorageError):
        save_checkpoint(store, 5, {**FILES, "new.bin": b"1"})
    found = newest_valid(store)
    assert (found is not None and found.manifest == first.manifest) if replaces_whole(store) else found is None


def test_a_store_that_loses_bytes_is_noticed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = type(store).write

    def lose(self: Store, name: str, writer: Writer) -> FileRecord:
        record = real(self, name, writer)
        self.write_bytes(name, self.read_bytes(name)[:-1])
        return record

    monkeypatch.setattr(type(store), "write", lose)
    with pytest.raises(CheckpointError, match=r"after writing it, .* has 799 bytes, 800 were written"):
        save_checkpoint(store, 5, FILES)
    assert newest_valid(store) is None


@pytest.mark.parametrize("name", ["../escape.bin", "/etc/escape"])
def test_names_stay_inside(store: Store, name: str) -> None:
    with pytest.raises(StorageError, match="leads outside"):
        save_checkpoint(store, 5, {name: b"x"})
    save_checkpoint(store, 5, FILES)
    _change_manifest(files=[{"name": name, "size": 1, "sha256": "00"}])(store.child(FOLDER))
    with pytest.raises(CheckpointError, match="is damaged"):
        open_checkpoint(store.child(FOLDER))


def test_the_manifest_is_nobody_else_s(store: Store) -> None:
    with pytest.raises(ValueError, match="written by publish alone"):
        save_checkpoint(store, 5, {"manifest.json": b"{}"})


def test_a_file_that_is_not_part_of_it(store: Store) -> None:
    checkpoint = save_checkpoint(store, 5, FILES)
    store.write_bytes(f"{FOLDER}/smuggled.pt", b"x")
    with pytest.raises(CheckpointError, match=r"it holds no smuggled\.pt"):
        checkpoint.read("smuggled.pt")


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    save_checkpoint(open_store("~/out"), 1, FILES)
    assert open_checkpoint("~/out/checkpoint-1").step == 1
