"""Promise: what a network loses is tried again until the time is up; what is final, and what is local, is not."""

from __future__ import annotations

import errno
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from trainspec.storage import (
    NotFound,
    PermissionRefused,
    RetryPolicy,
    StorageError,
    Store,
    open_store,
)
from trainspec.storage.errors import failure
from trainspec.storage.remote import RemoteStore
from trainspec.storage.retry import is_transient

if TYPE_CHECKING:
    from collections.abc import Callable


class HTTPClientError(Exception):
    """Stands for the family of lost connections that botocore keeps outside of OSError."""


class ReadTimeoutError(HTTPClientError):
    pass


class NoCredentialsError(Exception):
    pass


class Flaky:
    """A file system whose reads fail as told before they succeed."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls = 0

    def cat_file(self, path: str) -> bytes:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return b"at last"


def _store(filesystem: Flaky) -> tuple[RemoteStore, list[float]]:
    waits: list[float] = []
    # Its clock goes by what was slept: waiting costs no time here.
    policy = RetryPolicy(sleep=waits.append, clock=lambda: sum(waits))
    return RemoteStore("s3://b/k", filesystem, "b/k", policy), waits


TRANSIENT: dict[str, Callable[[], Exception]] = {
    "timeout": TimeoutError,
    "reset": lambda: ConnectionResetError(errno.ECONNRESET, "reset"),
    "slow down": lambda: OSError(errno.EBUSY, "slow down"),
    "without number": lambda: OSError("try again"),
    "client library": lambda: ReadTimeoutError("read timed out"),
}
FINAL: dict[str, tuple[Callable[[], Exception], type[StorageError]]] = {
    "missing": (lambda: FileNotFoundError("k"), NotFound),
    "refused": (lambda: PermissionError("Access Denied"), PermissionRefused),
    "no credentials": (lambda: NoCredentialsError("Unable to locate credentials"), PermissionRefused),
    "full": (lambda: OSError(errno.ENOSPC, "full"), StorageError),
    "a defect": (lambda: KeyError("x"), StorageError),
}


@pytest.mark.parametrize("make", TRANSIENT.values(), ids=TRANSIENT)
def test_transient_failures_are_tried_again(make: Callable[[], Exception]) -> None:
    flaky = Flaky(make(), make(), make())
    store, waits = _store(flaky)
    assert store.read_bytes("x") == b"at last"
    assert sum(waits) == pytest.approx(0.25 + 0.5 + 1.0)


@pytest.mark.parametrize("make", TRANSIENT.values(), ids=TRANSIENT)
def test_patience_ends(make: Callable[[], Exception]) -> None:
    flaky = Flaky(*(make() for _ in range(99)))
    store, waits = _store(flaky)
    with pytest.raises(StorageError, match=r"cannot read s3://b/k/x: "):
        store.read_bytes("x")
    assert 50 < sum(waits) <= 60
    assert flaky.calls == 12


@pytest.mark.parametrize(("make", "kind"), FINAL.values(), ids=FINAL)
def test_final_failures_are_told_at_once(make: Callable[[], Exception], kind: type[StorageError]) -> None:
    flaky = Flaky(make())
    store, waits = _store(flaky)
    with pytest.raises(StorageError) as caught:
        store.read_bytes("x")
    assert type(caught.value) is kind
    assert (flaky.calls, waits) == (1, [])


def test_the_longest_wait() -> None:
    waits: list[float] = []
    policy = RetryPolicy(seconds=120, sleep=waits.append, clock=lambda: sum(waits))
    lengths: list[float] = []

    def lost() -> None:
        lengths.append(sum(waits))
        raise TimeoutError

    with pytest.raises(TimeoutError):
        policy.run(lost)
    assert [late - early for early, late in pairwise(lengths)][-3:] == pytest.approx([8.0, 8.0, 8.0])


def test_interrupts_are_no_failures() -> None:
    assert not is_transient(KeyboardInterrupt())


def test_existence_is_not_denied_by_a_lost_connection() -> None:
    class Down:
        def invalidate_cache(self) -> None: ...

        def info(self, path: str) -> dict[str, Any]:
            raise PermissionError("Forbidden")

    with pytest.raises(PermissionRefused):
        RemoteStore("s3://b/k", Down(), "b/k", RetryPolicy()).exists("x")


def test_a_missing_package_names_its_extra() -> None:
    program = (
        "import sys; sys.modules['s3fs'] = None; from trainspec.storage import MissingPackage, open_store\n"
        "try: open_store('s3://bucket/x')\n"
        "except MissingPackage as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "s3:// is not installed" in done.stdout
    assert "pip install 'trainspec[s3]'" in done.stdout


def test_an_unknown_scheme() -> None:
    with pytest.raises(StorageError, match=r"cannot open s33://bucket: the URL is not understood"):
        open_store("s33://bucket")


def test_a_missing_bucket(s3_bucket: str) -> None:
    with pytest.raises(NotFound):
        open_store("s3://no-such-bucket-here").read_bytes("x")


@pytest.mark.parametrize("put", [lambda store: store.write_bytes("x", b""), lambda store: store.create("x", b"")])
def test_where_there_is_no_bucket_that_is_said(s3_bucket: str, put: Callable[[Store], object]) -> None:
    with pytest.raises(NotFound, match="bucket does not exist"):
        put(open_store("s3://no-such-bucket-here"))


def test_where_a_client_names_its_path_it_is_a_file_that_is_missing() -> None:
    cause = FileNotFoundError("/my runs/a.bin")
    assert failure("memory:///my runs/a.bin", "write", cause).reason == "there is no such file or folder"


def test_making_a_folder_makes_no_bucket(s3_bucket: str) -> None:
    open_store("s3://never-made-bucket/run").make_folder("checkpoint-1")
    assert not open_store("s3://never-made-bucket").exists()


def test_local_work_imports_no_fsspec(tmp_path: str) -> None:
    program = (
        "import sys; from trainspec.storage import open_store, read_text; "
        "s = open_store(sys.argv[1]); s.write_bytes('a', b'1'); s.entries(); "
        "read_text(sys.argv[1] + '/a', 9); "
        "read_text('file://' + sys.argv[1] + '/a', 9); "
        "assert not {'fsspec', 'torch', 'asyncio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)


def test_listings_see_what_other_programs_write(s3_bucket: str) -> None:
    other = pytest.importorskip("s3fs").S3FileSystem(skip_instance_cache=True)
    store = open_store(f"{s3_bucket}/shared")
    store.write_bytes("run/a.bin", b"1")
    assert [entry.name for entry in store.entries()] == ["run/a.bin"]
    assert store.folders() == ["run"]
    other.pipe_file(f"{s3_bucket}/shared/other/b.bin", b"22")
    assert [entry.name for entry in store.entries()] == ["other/b.bin", "run/a.bin"]
    assert store.folders() == ["other", "run"]
    other.rm_file(f"{s3_bucket}/shared/run/a.bin")
    assert not store.exists("run/a.bin")
    assert store.folders() == ["other"]
