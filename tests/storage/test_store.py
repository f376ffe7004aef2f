"""Promise: every kind of place answers alike - a path, file://, memory:// and a real S3 server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trainspec.storage import (
    Entry,
    NotFound,
    StorageError,
    Store,
    TooLarge,
    open_store,
    read_text,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_written_is_read(store: Store) -> None:
    store.write_bytes("a/b.bin", b"\x00\xff" * 3)
    assert store.read_bytes("a/b.bin") == b"\x00\xff" * 3
    store.write_bytes("a/b.bin", b"new")
    assert store.read_bytes("a/b.bin") == b"new"


def test_entries_are_recursive_with_sizes_and_do_not_run_into_neighbours(store: Store) -> None:
    store.write_bytes("run-1/x.bin", b"12345")
    store.write_bytes("run-1/deep/y.bin", b"")
    store.write_bytes("run-10/z.bin", b"1")
    assert store.entries("run-1") == [Entry("run-1/deep/y.bin", 0), Entry("run-1/x.bin", 5)]
    assert store.child("run-1").entries() == [Entry("deep/y.bin", 0), Entry("x.bin", 5)]
    assert store.folders() == ["run-1", "run-10"]
    assert store.folders("run-1") == ["deep"]


def test_what_is_not_there(store: Store) -> None:
    assert store.entries() == []
    assert store.entries("no") == []
    assert store.folders() == []
    assert not store.exists()
    assert not store.exists("no/such.bin")
    store.delete("no.bin")
    store.delete_tree("no")
    with pytest.raises(NotFound, match=r"cannot read .*/no\.bin: there is no such file"):
        store.read_bytes("no.bin")
    with pytest.raises(NotFound), store.local_copy("no.bin"):
        pass


def test_listings_see_later_changes(store: Store) -> None:
    store.write_bytes("run/a.bin", b"1")
    assert store.entries() == [Entry("run/a.bin", 1)]
    again = open_store(store.url)
    again.write_bytes("run/b.bin", b"22")
    again.write_bytes("other/c.bin", b"22")
    assert [entry.name for entry in store.entries()] == ["other/c.bin", "run/a.bin", "run/b.bin"]
    assert store.folders() == ["other", "run"]
    again.delete("run/a.bin")
    assert not store.exists("run/a.bin")
    assert [entry.name for entry in store.entries("run")] == ["run/b.bin"]


def test_delete_tree_takes_one_folder_only(store: Store) -> None:
    for name in ("run-1/x.bin", "run-1/deep/y.bin", "run-10/z.bin", "top.bin"):
        store.write_bytes(name, b"1")
    store.delete_tree("run-1")
    assert not store.exists("run-1")
    assert [entry.name for entry in store.entries()] == ["run-10/z.bin", "top.bin"]
    store.delete_tree()
    assert store.entries() == []


def test_upload_and_download(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(b"weights" * 1000)
    store.upload(source, "sub/model.bin")
    assert store.exists("sub/model.bin")
    assert store.exists("sub")
    store.download("sub/model.bin", tmp_path / "back" / "model.bin")
    assert (tmp_path / "back" / "model.bin").read_bytes() == source.read_bytes()
    with store.local_copy("sub/model.bin") as copy:
        assert copy.read_bytes() == source.read_bytes()
    with pytest.raises(NotFound):
        store.download("none.bin", tmp_path / "none.bin")
    assert not (tmp_path / "none.bin").exists()


def test_child_urls_lead_back(store: Store) -> None:
    store.make_folder("a")
    store.child("a").child("b").write_bytes("c.txt", b"found")
    assert open_store(store.child_url("a/b")).read_bytes("c.txt") == b"found"
    assert read_text(store.child_url("a/b/c.txt"), 100) == "found"
    assert store.child("a").url == store.child_url("a")


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "~/x", "a\0b", "..\\x"])
def test_names_stay_inside(store: Store, name: str) -> None:
    for use in (store.read_bytes, store.delete, store.delete_tree, store.exists, store.child, store.entries):
        with pytest.raises(StorageError, match="leads outside"):
            use(name)


class TestReadText:
    def test_limit(self, store: Store) -> None:
        store.write_bytes("a.yaml", b"12345")
        assert read_text(store.child_url("a.yaml"), 5) == "12345"
        with pytest.raises(TooLarge, match="larger than the limit of 4 bytes"):
            read_text(store.child_url("a.yaml"), 4)

    def test_encoding(self, store: Store) -> None:
        store.write_bytes("bom.yaml", b"\xef\xbb\xbfa: \xc3\xa9")
        assert read_text(store.child_url("bom.yaml"), 100) == "a: é"
        store.write_bytes("latin.yaml", b"a: \xe9")
        with pytest.raises(StorageError, match=r"not UTF-8 text \(line 1, byte 3"):
            read_text(store.child_url("latin.yaml"), 100)

    def test_missing(self, store: Store) -> None:
        with pytest.raises(NotFound, match="no such file"):
            read_text(store.child_url("none.yaml"), 100)
