"""Promise: a file that is streamed in is measured on the way, and is there whole or not at all."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from trainspec.storage import FileRecord, NotFound, RetryPolicy, StorageError, Store, open_store
from trainspec.storage.remote import RemoteStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEBIBYTE = 1 << 20


def _pieces(*pieces: bytes) -> Callable[[BinaryIO], object]:
    return lambda file: [file.write(piece) for piece in pieces]


def _record(name: str, data: bytes) -> FileRecord:
    return FileRecord(name, len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([], id="nothing"),
        pytest.param([b"a", b"", b"bc" * 999], id="small-ones"),
        pytest.param([b"x" * (9 * MEBIBYTE + 1)], id="a-large-one"),
    ],
)
def test_what_is_streamed_is_read_and_measured(store: Store, pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    assert store.write("deep/a.bin", _pieces(*pieces)) == _record("deep/a.bin", data)
    assert store.read_bytes("deep/a.bin") == data
    assert store.write("deep/a.bin", _pieces(b"new")) == _record("deep/a.bin", b"new")
    assert store.read_bytes("deep/a.bin") == b"new"
    assert [entry.name for entry in store.entries()] == ["deep/a.bin"]


def test_any_buffer_can_be_written(store: Store) -> None:
    numpy = pytest.importorskip("numpy")
    table = numpy.arange(6, dtype="<u2").reshape(2, 3)
    store.write("a.bin", lambda file: [file.write(table), file.write(bytearray(b"!")), file.flush(), file.tell()])
    assert store.read_bytes("a.bin") == table.tobytes() + b"!"


class Defect(Exception):
    pass


@pytest.mark.parametrize("error", [Defect("a defect"), OSError("a lost source"), ValueError("x"), KeyboardInterrupt()])
@pytest.mark.parametrize("before", [None, b"old"], ids=["new", "over an old one"])
def test_a_failed_writer_leaves_nothing_and_is_not_repeated(
    store: Store, error: BaseException, before: bytes | None
) -> None:
    if before:
        store.write_bytes("a.bin", before)
    calls: list[int] = []

    def write(file: BinaryIO) -> None:
        calls.append(1)
        file.write(b"half")
        raise error

    with pytest.raises(type(error)) as caught:
        store.write("a.bin", write)
    assert caught.value is error
    assert calls == [1]
    assert [entry.name for entry in open_store(store.url).entries()] == (["a.bin"] if before else [])
    if before:
        assert store.read_bytes("a.bin") == before


def test_nothing_is_left_in_the_folder_either(tmp_path: Path) -> None:
    def write(file: BinaryIO) -> None:
        assert [path.suffix for path in tmp_path.iterdir()] == [".unfinished"]
        raise Defect

    with pytest.raises(Defect):
        open_store(tmp_path).write("a.bin", write)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fails", [False, True])
def test_large_files_go_up_to_s3_in_parts_and_none_stays_behind(s3_bucket: str, fails: bool) -> None:
    store = open_store(f"{s3_bucket}/parts-{fails}")
    piece = bytes(MEBIBYTE)

    def write(file: BinaryIO) -> None:
        for _ in range(55):
            file.write(piece)
        if fails:
            raise Defect

    if fails:
        with pytest.raises(Defect):
            store.write("a.bin", write)
        assert store.entries() == []
    else:
        store.write("a.bin", write)
        assert store.entries()[0].size == 55 * MEBIBYTE
    files = pytest.importorskip("s3fs").S3FileSystem()
    answer = files.call_s3("list_multipart_uploads", Bucket=s3_bucket.removeprefix("s3://"))
    assert answer.get("Uploads", []) == []


def test_a_local_file_of_any_size_needs_no_memory(tmp_path: Path) -> None:
    program = (
        "import sys, tracemalloc; from trainspec.storage import open_store; whole = bytes(64 << 20); "
        "store = open_store(sys.argv[1]); tracemalloc.start(); store.write('a.bin', lambda file: file.write(whole)); "
        "assert store.entries()[0].size == 64 << 20; print(tracemalloc.get_traced_memory()[1])"
    )
    # In a process of its own: a server that other tests started allocates too.
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True, text=True)
    assert int(done.stdout) < MEBIBYTE


class Unsteady(MemoryFileSystem):  # type: ignore[misc]
    """A server whose files fail as told before they succeed, and which may refuse to rename over a file."""

    cachable = False
    store: dict[str, Any] = {}  # noqa: RUF012
    pseudo_dirs = [""]  # noqa: RUF012

    def __init__(self, *failures: Exception, renames_over: bool = True) -> None:
        super().__init__()
        self.store.clear()
        self.failures = list(failures)
        self.renames_over = renames_over

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
        file = super()._open(path, mode, **kwargs)
        real = file.write

        def write(data: Any) -> int:
            if len(data) > 1 and self.failures:
                raise self.failures.pop(0)
            return int(real(data))

        file.write = write
        return file

    def mv(self, path1: str, path2: str, **kwargs: Any) -> None:
        if path2 in self.store and not self.renames_over:
            raise OSError("Failure")
        self.store[path2] = self.store.pop(path1)


def _store(filesystem: Unsteady) -> RemoteStore:
    return RemoteStore("sftp://host/run", filesystem, "/run", RetryPolicy(sleep=lambda seconds: None))


def test_a_lost_connection_repeats_the_writer_from_the_start() -> None:
    store = _store(Unsteady(TimeoutError(), ConnectionResetError()))
    assert store.write("a.bin", _pieces(b"1", b"22", b"3")) == _record("a.bin", b"1223")
    assert [entry.name for entry in store.entries()] == ["a.bin"]
    assert store.read_bytes("a.bin") == b"1223"


def test_a_store_that_fails_for_good_keeps_the_old_file() -> None:
    store = _store(filesystem := Unsteady())
    store.write("a.bin", _pieces(b"old"))
    filesystem.failures = [OSError(28, "No space left on device")]
    with pytest.raises(StorageError, match=r"cannot write sftp://host/run/a\.bin: no space is left there"):
        store.write("a.bin", _pieces(b"1", b"22"))
    assert store.read_bytes("a.bin") == b"old"
    assert filesystem.find("/run") == ["/run/a.bin"]


@pytest.mark.parametrize("renames_over", [True, False])
def test_servers_that_do_not_rename_over_a_file(renames_over: bool) -> None:
    store = _store(Unsteady(renames_over=renames_over))
    for content in (b"old", b"new"):
        store.write("a.bin", _pieces(content))
        assert store.read_bytes("a.bin") == content


def test_a_failure_of_the_store_is_not_lost_in_the_writer() -> None:
    def write(file: BinaryIO) -> None:
        try:
            file.write(b"22")
        except OSError:
            raise RuntimeError("unexpected position") from None

    def swallow(file: BinaryIO) -> None:
        try:
            file.write(b"22")
        except OSError:
            file.write(b"3")

    for writer in (write, swallow):
        store = _store(Unsteady(OSError(28, "No space left on device")))
        with pytest.raises(StorageError, match="no space is left"):
            store.write("a.bin", writer)
        assert store.entries() == []


RANGES = {
    "start": (0, 2, b"01"),
    "middle": (3, 4, b"3456"),
    "over the end": (8, 5, b"89"),
    "at the end": (10, 5, b""),
    "behind the end": (99, 5, b""),
    "nothing": (3, 0, b""),
    "nothing at the start": (0, 0, b""),
    "all": (0, 10, b"0123456789"),
}


@pytest.mark.parametrize(("start", "length", "expected"), RANGES.values(), ids=RANGES)
def test_a_range_is_read(store: Store, start: int, length: int, expected: bytes) -> None:
    store.write_bytes("a.bin", b"0123456789")
    assert store.read_range("a.bin", start, length) == expected


@pytest.mark.parametrize("length", [0, 3])
def test_a_range_of_what_is_not_there(store: Store, length: int) -> None:
    with pytest.raises(NotFound):
        store.read_range("none.bin", 0, length)
    store.write_bytes("empty.bin", b"")
    assert store.read_range("empty.bin", 0, length) == b""
