"""Promise: a name is a name: what looks like a pattern in it means itself, in every method and every place."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from trainspec.storage import AlreadyThere, Entry, NotFound, Store, open_store

if TYPE_CHECKING:
    from pathlib import Path

# The name, and what it would match as a pattern.
NAMES = {
    "a star": ("a*", "a1"),
    "a star alone": ("*", "a1"),
    "two stars": ("**", "a1"),
    "a question mark": ("a?", "a1"),
    "a set": ("run[1]", "run1"),
    "a set of others": ("run[!2]", "run1"),
    "a range": ("run[0-9]", "run5"),
    "an open bracket": ("run[", "run"),
    "a closed bracket": ("run]", "run"),
    "braces": ("{a,b}", "a"),
}
each_name = pytest.mark.parametrize(("name", "other"), NAMES.values(), ids=NAMES)


@each_name
def test_a_file(store: Store, tmp_path: Path, name: str, other: str) -> None:
    store.write_bytes(other, b"precious")
    assert not store.exists(name)
    with pytest.raises(NotFound):
        store.read_bytes(name)
    with pytest.raises(NotFound):
        store.download(name, tmp_path / "none")
    store.delete(name)
    store.delete_tree(name)
    source = tmp_path / name
    source.write_bytes(b"uploaded")
    store.upload(source, name)
    store.download(name, tmp_path / "back" / name)
    assert (tmp_path / "back" / name).read_bytes() == b"uploaded"
    store.write(name, lambda file: file.write(b"written"))
    with store.local_copy(name) as copy:
        assert copy.read_bytes() == b"written"
    assert store.read_range(name, 2, 3) == b"itt"
    with pytest.raises(AlreadyThere):
        store.create(name, b"created")
    assert sorted(store.entries()) == sorted([Entry(other, 8), Entry(name, 7)])
    store.delete(name)
    assert not store.exists(name)
    store.create(name, b"created")
    assert store.read_bytes(name) == b"created"
    store.delete_tree(name)
    assert store.entries() == [Entry(other, 8)]
    assert store.read_bytes(other) == b"precious"


@each_name
def test_a_folder(store: Store, name: str, other: str) -> None:
    store.write_bytes(f"{other}/deep/w", b"precious")
    assert store.entries(name) == []
    assert store.folders(name) == []
    store.delete_tree(name)
    store.make_folder(f"{name}/deep")
    inside = store.child(name)
    for file in ("w", f"deep/{name}", "deep/w"):
        inside.write_bytes(file, b"mine")
    assert [entry.name for entry in inside.entries()] == sorted(["w", f"deep/{name}", "deep/w"])
    assert store.folders() == sorted([other, name])
    assert store.folders(name) == ["deep"]
    inside.child("deep").delete(name)
    assert [entry.name for entry in store.entries(name)] == [f"{name}/deep/w", f"{name}/w"]
    inside.delete_tree("deep")
    assert [entry.name for entry in store.entries(name)] == [f"{name}/w"]
    store.delete_tree(name)
    assert not store.exists(name)
    assert store.entries() == [Entry(f"{other}/deep/w", 8)]


@each_name
def test_a_url(url: str, name: str, other: str) -> None:
    one, two = open_store(f"{url}/{other}"), open_store(f"{url}/{name}")
    for store in (one, two):
        store.write("checkpoint-5/w", lambda file: file.write(b"1"))
    two.delete("checkpoint-5/w")
    assert one.exists("checkpoint-5/w")
    two.write_bytes("checkpoint-5/w", b"1")
    two.delete_tree("checkpoint-5")
    assert two.entries() == []
    two.delete_tree()
    assert one.entries() == [Entry("checkpoint-5/w", 1)]


@each_name
def test_a_folder_as_a_file_system(name: str, other: str) -> None:
    """`dir::` hands names on to another file system, below a path that is not in them."""
    base = f"memory://{uuid.uuid4().hex}"
    one, two = open_store(f"dir::{base}/{other}"), open_store(f"dir::{base}/{name}")
    one.write_bytes("run/w", b"precious")
    two.write("run/w", lambda file: file.write(b"1"))
    two.write("run/w", lambda file: file.write(b"2"))
    assert two.read_bytes("run/w") == b"2"
    two.delete_tree("run")
    assert not two.exists("run/w")
    assert one.read_bytes("run/w") == b"precious"


def test_a_thousand_files_of_s3_are_removed_by_few_requests(s3_bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    core = pytest.importorskip("s3fs.core")
    store = open_store(f"{s3_bucket}/many")
    for number in range(30):
        store.write_bytes(f"{number}.bin", b"1")
    asked: list[str] = []
    real = core.S3FileSystem._call_s3

    async def call(self: object, method: str, *args: object, **kwargs: object) -> object:
        asked.append(method)
        return await real(self, method, *args, **kwargs)

    monkeypatch.setattr(core.S3FileSystem, "_call_s3", call)
    store.delete_tree()
    assert asked.count("delete_objects") == 1
    assert len(asked) < 5
    assert store.entries() == []
