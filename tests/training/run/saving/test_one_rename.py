"""Promise: on this machine a checkpoint's folder is never seen before it is whole, and replaced by one that is."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from trainspec.storage import PermissionRefused, StorageError, open_store
from trainspec.storage.local import LocalStore
from trainspec.training.checkpoint import list_checkpoints, open_checkpoint, save_checkpoint
from trainspec.training.checkpoint.retention import only_unfinished
from trainspec.training.checkpoint.save import ASIDE, make_room

OLD = {"a.bin": b"old", "deep/b.bin": b"old, too"}
NEW = {"a.bin": b"new!", "deep/b.bin": b"new, too", "c.bin": b"more"}
CALLS = ("rename", "replace", "fsync", "rmdir", "unlink", "mkdir")


class Killed(BaseException):
    """Nothing that comes after it is done."""


class Calls:
    """Every change of a folder: `look` comes before each, and the one of that number is the last."""

    def __init__(self, patch: pytest.MonkeyPatch, look: Any, last: int = 10**9) -> None:
        self.count, self._look, self._last = 0, look, last
        for name in CALLS:
            patch.setattr(os, name, self._watched(getattr(os, name)))

    def _watched(self, real: Any) -> Any:
        def call(*values: Any, **named: Any) -> Any:
            if self.count >= self._last:
                raise Killed
            self._look()
            self.count += 1
            return real(*values, **named)

        return call


def _whole(folder: Path) -> dict[str, bytes] | None:
    """What the checkpoint in a folder holds; None where there is no folder. A part of one is an error."""
    if not folder.exists():
        return None
    found = open_checkpoint(folder)
    found.verify()
    assert {entry.name for entry in found.store.entries()} == {file.name for file in found.manifest.files} | {
        "manifest.json"
    }
    return {file.name: found.read(file.name) for file in found.manifest.files}


def test_nobody_sees_a_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, place, seen = open_store(tmp_path), tmp_path / "checkpoint-5", list[Any]()

    def look() -> None:
        seen.append(_whole(place))
        assert store.folders() == ["checkpoint-5"] * place.exists()
        assert place.exists() or store.entries() == []

    with monkeypatch.context() as patch:
        calls = Calls(patch, look)
        save_checkpoint(store, 5, OLD)
    assert calls.count > 10 and seen[-2:] == [None, OLD]
    assert os.listdir(tmp_path) == ["checkpoint-5"]


def test_a_kill_at_any_moment_leaves_the_old_one_or_the_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for last in range(200):
        out = tmp_path / str(last)
        store, place = open_store(out), out / "checkpoint-5"
        save_checkpoint(store, 5, OLD)
        with monkeypatch.context() as patch:
            calls = Calls(patch, lambda: None, last)
            with suppress(Killed):
                save_checkpoint(store, 5, NEW)
        # Between two renames the old one has another name.
        there = _whole(place)
        found.append(there or _whole(out / ASIDE))
        assert found[-1] in (OLD, NEW)
        assert there is not None or found[-1] == OLD
        # The next save clears up whatever there is.
        save_checkpoint(store, 5, NEW)
        assert _whole(place) == NEW and os.listdir(out) == ["checkpoint-5"]
        if calls.count < last:
            break
    assert found == sorted(found, key=lambda files: files == NEW) and {OLD["a.bin"], NEW["a.bin"]} == {
        files["a.bin"] for files in found
    }


def test_a_rename_that_fails_brings_the_old_one_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    save_checkpoint(store, 5, OLD)
    real = os.rename

    def rename(one: Any, other: Any) -> None:
        if Path(one).name == ".checkpoint-5.unfinished":
            raise PermissionError(13, "Permission denied")
        real(one, other)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(StorageError, match="cannot publish"):
        save_checkpoint(store, 5, NEW)
    assert _whole(tmp_path / "checkpoint-5") == OLD


def test_what_killed_saves_left_is_told_and_goes(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for name in (".checkpoint-3.unfinished", ".checkpoint-4.unfinished", ".checkpoint-x.unfinished", ".mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.bin").write_bytes(b"half")
    assert only_unfinished(store) == [3, 4]
    assert list_checkpoints(store) == [] and store.folders() == [".mine"]
    make_room(7, store)
    kept = [".checkpoint-7.unfinished", ".checkpoint-x.unfinished", ".mine"]
    assert sorted(os.listdir(tmp_path)) == kept
    shutil.rmtree(tmp_path / kept[0])
    save_checkpoint(store, 7, OLD)
    assert only_unfinished(store) == []


def test_every_file_is_on_the_disk_before_the_folder_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, before = set[int](), list[set[int]]()
    sync, rename = os.fsync, os.rename

    def noted_sync(descriptor: int) -> None:
        sync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    def noted_rename(one: Any, other: Any) -> None:
        before.append(set(synced))
        rename(one, other)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "rename", noted_rename)
    save_checkpoint(open_store(tmp_path), 5, NEW)
    place = tmp_path / "checkpoint-5"
    assert len(before) == 1 and {path.stat().st_ino for path in (place, *place.rglob("*"))} <= before[0]


def test_a_file_that_cannot_be_made_safe_is_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"cannot write .*a\.bin: no space is left"):
        save_checkpoint(open_store(tmp_path), 5, NEW)
    assert list_checkpoints(open_store(tmp_path)) == []


def test_a_checkpoint_is_saved_whatever_becomes_of_what_it_replaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(tmp_path)
    save_checkpoint(store, 5, OLD)
    real = LocalStore.delete_tree

    def refused(store: LocalStore, prefix: str = "") -> None:
        if prefix == ASIDE and (tmp_path / ASIDE).exists():
            raise PermissionRefused(store.url, "delete", "permission refused")
        real(store, prefix)

    monkeypatch.setattr(LocalStore, "delete_tree", refused)
    save_checkpoint(store, 5, NEW)
    save_checkpoint(store, 6, NEW)
    assert _whole(tmp_path / "checkpoint-5") == _whole(tmp_path / "checkpoint-6") == NEW
    assert [entry.getMessage() for entry in caplog.records if "has replaced stays" in entry.getMessage()] == [
        f"what checkpoint-5 has replaced stays: cannot delete {tmp_path}: permission refused"
    ]
