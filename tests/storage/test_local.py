"""Promise: a local file is replaced whole or not at all, and what a crash leaves is never listed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trainspec.storage import (
    Entry,
    PermissionRefused,
    StorageError,
    open_store,
    read_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    open_store("~/runs").write_bytes("a.txt", b"1")
    open_store(Path("~/more")).write_bytes("a.txt", b"1")
    assert (tmp_path / "runs" / "a.txt").exists()
    assert (tmp_path / "more" / "a.txt").exists()
    assert read_text("~/runs/a.txt", 10) == "1"


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    store.write_bytes("a.txt", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="no space is left"):
        store.write_bytes("a.txt", b"new")
    assert store.read_bytes("a.txt") == b"old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_content_is_synced_before_it_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    sync, replace = os.fsync, os.replace

    def noted_sync(descriptor: int) -> None:
        order.append("sync")
        sync(descriptor)

    def noted_replace(source: Path, target: Path) -> None:
        order.append("publish")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_replace)
    open_store(tmp_path).write_bytes("a.txt", b"1")
    assert order[:2] == ["sync", "publish"]


def test_what_is_filled_together_is_on_the_disk_with_every_folder_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[str] = set()
    sync = os.fsync

    def noted_sync(descriptor: int) -> None:
        synced.add(Path(f"/proc/self/fd/{descriptor}").resolve().relative_to(tmp_path.resolve()).as_posix())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted_sync)
    with open_store(tmp_path).filling() as store:
        for name in ("a.txt", "deep/b.txt", "deep/er/c.txt"):
            store.write(name, lambda file: file.write(b"1"))
        assert synced == set()
    assert synced == {"a.txt", "deep/b.txt", "deep/er/c.txt", ".", "deep", "deep/er"}


def test_unfinished_files_are_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    seen: list[int] = []

    def spy(source: str, target: str) -> None:
        seen.extend([len(os.listdir(tmp_path)), len(store.entries())])
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", spy)
    with pytest.raises(KeyboardInterrupt):
        store.write_bytes("a.txt", b"1")
    assert seen == [1, 0]


def test_what_vanishes_while_it_is_listed_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    for name in ("a.bin", "b.bin", "deep/c.bin"):
        store.write_bytes(name, b"1")
    walk = os.walk

    def deleted_meanwhile(*args: Any) -> Iterator[Any]:
        for found in walk(*args):
            (tmp_path / "a.bin").unlink(missing_ok=True)
            yield found

    monkeypatch.setattr(os, "walk", deleted_meanwhile)
    assert store.entries() == [Entry("b.bin", 1), Entry("deep/c.bin", 1)]


def test_links_that_lead_nowhere_are_passed_over(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.write_bytes("a.bin", b"1")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "through-a-file").symlink_to("a.bin/x")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "good").symlink_to("a.bin")
    assert store.entries() == [Entry("a.bin", 1), Entry("good", 1)]


def test_what_cannot_be_looked_at_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    store.write_bytes("a.bin", b"1")

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(PermissionRefused):
        store.entries()


def test_new_files_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        open_store(tmp_path).write_bytes("a.txt", b"1")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644


def test_delete_tree_does_not_follow_links(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "a.txt").write_bytes(b"1")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "precious")
    store = open_store(tmp_path / "out")
    store.delete_tree("link")
    assert (tmp_path / "precious" / "a.txt").exists()
    assert not store.exists("link")


def test_plain_words_for_what_goes_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"1")
    store = open_store(tmp_path)
    with pytest.raises(StorageError, match="it is a folder"):
        store.read_bytes("folder")
    with pytest.raises(StorageError, match="it is a folder"):
        read_text(tmp_path / "folder", 10)
    with pytest.raises(StorageError, match="a part of the path is a file"):
        store.write_bytes("file/x", b"1")
    assert not store.exists("file/x")
    with pytest.raises(StorageError, match="that is no path"):
        read_text("a\0b", 10)

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("trainspec.storage.local.os.open", refuse)
    with pytest.raises(PermissionRefused, match=r"cannot read .*/file: permission refused \(Permission denied\)"):
        store.read_bytes("file")


@pytest.mark.timeout(20)
def test_endless_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="it is a device, and only regular files are read"):
        read_text("/dev/zero", 1000)
    (tmp_path / "long").write_bytes(b"x" * 1001)
    with pytest.raises(StorageError, match="larger than the limit"):
        read_text(tmp_path / "long", 1000)


def test_what_a_killed_process_has_left_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    left, other = tmp_path / ".a.txt.0123abcd.unfinished", tmp_path / ".b.txt.0123abcd.unfinished"
    left.write_bytes(b"half")
    other.write_bytes(b"half")

    def meanwhile(file: Any) -> None:
        file.write(b"1")
        store.write_bytes("a.txt", b"2")

    store.write("a.txt", meanwhile)
    assert store.read_bytes("a.txt") == b"1"
    assert sorted(os.listdir(tmp_path)) == [".b.txt.0123abcd.unfinished", "a.txt"]


def test_a_link_that_leads_nowhere_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(StorageError, match="a link that leads nowhere"):
        open_store(tmp_path / "link").make_folder()
