"""Promise: a part of a file is what is there of it, and nothing else; a folder is never written as a file."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from trainspec.storage import Entry, NotFound, StorageError, Store

HUGE = {
    "a large length": (2, 2**40, b"cde"),
    "the longest": (0, 2**63, b"abcde"),
    "beyond any number": (1, 2**70, b"bcde"),
    "at the end": (5, 2**63, b""),
    "a start beyond any number": (2**70, 1, b""),
    "both": (2**70, 2**70, b""),
}


@pytest.mark.parametrize(("start", "length", "expected"), HUGE.values(), ids=HUGE)
def test_what_is_there_is_read(store: Store, start: int, length: int, expected: bytes) -> None:
    store.write_bytes("a.bin", b"abcde")
    tracemalloc.start()
    try:
        assert store.read_range("a.bin", start, length) == expected
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("length", [0, 1, 2**63])
def test_a_huge_range_of_what_is_no_file(store: Store, length: int) -> None:
    store.write_bytes("folder/a.bin", b"abcde")
    with pytest.raises(NotFound):
        store.read_range("none.bin", 0, length)
    with pytest.raises(StorageError):
        store.read_range("folder", 0, length)


@pytest.mark.parametrize(("start", "length"), [(-1, 5), (0, -1), (-3, 2), (5, -2), (-1, 0)])
def test_negative_numbers_are_refused(store: Store, start: int, length: int) -> None:
    store.write_bytes("a.bin", b"abcde")
    with pytest.raises(StorageError, match=r"cannot read .*a\.bin: .* are no part of a file"):
        store.read_range("a.bin", start, length)


@pytest.mark.parametrize("name", ["", ".", "./", "./."])
def test_the_folder_itself_is_never_written(store: Store, tmp_path: Path, name: str) -> None:
    store.write_bytes("a.bin", b"1")
    (tmp_path / "source").write_bytes(b"2")
    writes = (
        lambda: store.write(name, lambda file: file.write(b"2")),
        lambda: store.write_bytes(name, b"2"),
        lambda: store.create(name, b"2"),
        lambda: store.upload(tmp_path / "source", name),
    )
    for write in writes:
        with pytest.raises(StorageError, match="the folder itself, a file is needed"):
            write()
    assert store.entries() == [Entry("a.bin", 1)]


def test_a_refused_name_calls_no_writer(store: Store) -> None:
    called: list[object] = []
    with pytest.raises(StorageError):
        store.write("", called.append)
    assert called == []
    assert not store.exists()
