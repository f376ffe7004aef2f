"""Promise: what has the name of a checkpoint, and no save has written, is neither replaced nor deleted."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.storage.servers.loopback import s3_server
from tests.training.checkpoint.conftest import store

from trainspec.answers.checkpoints.pruning import pruned
from trainspec.storage import StorageError, Store, open_store
from trainspec.training.checkpoint import (
    apply_retention,
    list_checkpoints,
    make_room,
    remove_all_except,
    remove_checkpoint,
    remove_unfinished,
    save_checkpoint,
)
from trainspec.training.checkpoint.retention import only_unfinished
from trainspec.training.checkpoint.save import ASIDE

__all__ = ["store"]

FILES = {"a.bin": b"new", "deep/b.bin": b"new, too"}
NOTES = "checkpoint-5/notes.txt"


@pytest.fixture
def bucket() -> Iterator[Store]:
    s3fs = pytest.importorskip("s3fs")
    with s3_server():
        s3fs.S3FileSystem().mkdir("not-ours")
        yield open_store("s3://not-ours/run")


def _refused(store: Store, what: str, **how: Any) -> None:
    with pytest.raises(StorageError, match=f"checkpoint-5: {what} that no save has written has its name"):
        make_room(5, store, **how)


def _untouched(store: Store) -> None:
    """Whoever deletes checkpoints passes over the folder of somebody else."""
    _refused(store, "a folder")
    _refused(store, "a folder", in_place=True)
    remove_unfinished(store, 5)
    assert only_unfinished(store) == []
    save_checkpoint(store, 7, FILES)
    assert apply_retention(store, 1) == () and pruned(store, 1).unfinished == ()
    assert remove_all_except(store, 7) == ()
    assert store.read_bytes(NOTES) == b"mine"
    assert store.folders() == ["checkpoint-5", "checkpoint-7"] and store.names() == store.folders()


def test_a_folder_of_somebody_else(store: Store) -> None:
    store.write_bytes(NOTES, b"mine")
    _untouched(store)


def test_in_a_bucket(bucket: Store) -> None:
    bucket.write_bytes(NOTES, b"mine")
    _untouched(bucket)
    bucket.write_bytes("checkpoint-9", b"a file")
    with pytest.raises(StorageError, match="checkpoint-9: a file that no save"):
        save_checkpoint(bucket, 9, FILES)
    assert bucket.read_bytes("checkpoint-9") == b"a file"


def test_a_file_of_somebody_else(store: Store) -> None:
    store.write_bytes("checkpoint-5", b"mine")
    _refused(store, "a file")
    remove_unfinished(store, 5)
    assert store.read_bytes("checkpoint-5") == b"mine" and store.names() == ["checkpoint-5"]


@pytest.mark.parametrize("leads_to", ["folder", "file", "nothing"])
def test_a_link_of_somebody_else(tmp_path: Path, leads_to: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_bytes(b"mine")
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "checkpoint-5").symlink_to(tmp_path / leads_to)
    _refused(open_store(tmp_path / "out"), "a link")
    remove_unfinished(open_store(tmp_path / "out"), 5)
    assert os.readlink(tmp_path / "out" / "checkpoint-5") == str(tmp_path / leads_to)
    assert (tmp_path / "folder" / "notes.txt").exists()


def test_a_socket_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("checkpoint-5")
        _refused(open_store(tmp_path), "something else")


def test_a_link_to_a_checkpoint_is_replaced_and_not_followed(tmp_path: Path) -> None:
    save_checkpoint(open_store(tmp_path / "disk"), 5, {"a.bin": b"old"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "checkpoint-5").symlink_to(tmp_path / "disk" / "checkpoint-5")
    save_checkpoint(open_store(tmp_path / "out"), 5, FILES)
    assert not (tmp_path / "out" / "checkpoint-5").is_symlink()
    (tmp_path / "out" / "checkpoint-3").symlink_to(tmp_path / "disk" / "checkpoint-5")
    remove_checkpoint(open_store(tmp_path / "out"), 3)
    assert os.listdir(tmp_path / "out") == ["checkpoint-5"]
    (found,) = list_checkpoints(open_store(tmp_path / "disk"))
    assert found.read("a.bin") == b"old"


def test_an_empty_folder_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-5" / "deep").mkdir(parents=True)
    save_checkpoint(open_store(tmp_path), 5, FILES)
    assert [one.step for one in list_checkpoints(open_store(tmp_path))] == [5]


class Killed(BaseException):
    """Nothing that comes after it is done."""


def _killed_at(patch: pytest.MonkeyPatch, kind: type, last: int) -> list[str]:
    """After so many changes of a store there is none: the calls that were made."""
    made: list[str] = []

    def dies(name: str, real: Any) -> Any:
        def call(self: Any, *values: Any, **named: Any) -> Any:
            if len(made) >= last:
                raise Killed
            made.append(name)
            return real(self, *values, **named)

        return call

    for name in ("write_bytes", "_stream", "delete", "delete_tree", "make_folder"):
        patch.setattr(kind, name, dies(name, getattr(kind, name)))
    return made


def _published_in_place(store: Store, step: int) -> None:
    """As with somebody's own writers."""
    from trainspec.training.checkpoint import Snapshot, publish, write
    from trainspec.training.checkpoint.payload import Document

    snapshot = Snapshot(step, {name: Document(content) for name, content in FILES.items()}, {})
    make_room(step, store, in_place=True)
    publish(snapshot, write(snapshot, store, in_place=True), store, in_place=True)


@pytest.mark.parametrize("does", ["saves", "saves in place", "removes"])
def test_what_is_left_of_a_kill_is_ours(store: Store, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    for last in range(100):
        run = store.child(str(last))
        save_checkpoint(run, 5, {"old.bin": b"old", "deep/older.bin": b"older"})
        with monkeypatch.context() as patch:
            made = _killed_at(patch, type(store), last)
            with suppress(Killed):
                if does == "removes":
                    remove_checkpoint(run, 5)
                else:
                    (_published_in_place if does == "saves in place" else _saved)(run, 5)
        # In a store without folders some of the files may be gone.
        if run.exists("checkpoint-5/deep/older.bin") and not run.exists("checkpoint-5/manifest.json"):
            run.delete("checkpoint-5/deep/older.bin")
        save_checkpoint(run, 5, FILES)
        assert [one.step for one in list_checkpoints(run)] == [5]
        assert run.folders() == ["checkpoint-5"] and run.unfinished_names() == []
        if len(made) < last:
            break
    assert last > 2 and not store.exists(ASIDE)


def _saved(store: Store, step: int) -> None:
    save_checkpoint(store, step, FILES)


@pytest.mark.parametrize("does", ["saves", "saves in place", "removes"])
def test_marks_go_with_what_they_mark(store: Store, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    work = {"saves": _saved, "saves in place": _published_in_place, "removes": remove_checkpoint}[does]
    for last in range(100):
        run = store.child(str(last))
        save_checkpoint(run, 5, {"old.bin": b"old"})
        with monkeypatch.context() as patch:
            made = _killed_at(patch, type(store), last)
            with suppress(Killed):
                work(run, 5)
        # Saving elsewhere passes over what is unfinished, and over nothing else.
        save_checkpoint(run, 7, FILES)
        is_left = run.kind("checkpoint-5") is not None and 5 not in (one.step for one in list_checkpoints(run))
        assert run.unfinished_names() == [".checkpoint-5.begun.unfinished"] * is_left
        if len(made) < last:
            break
