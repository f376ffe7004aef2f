"""Promise: against a real server that fails, what passes is survived, and what does not ends when the time is up."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, BinaryIO

import pytest
from tests.storage.servers.faulty import Faulty

from trainspec.storage import PermissionRefused, RetryPolicy, StorageError, Store, hurrying, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def faulty(s3_bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    """A server that fails before the S3 server of the session."""
    between = Faulty(int(os.environ["AWS_ENDPOINT_URL"].rpartition(":")[2]))
    monkeypatch.setenv("AWS_ENDPOINT_URL", between.url)
    yield between
    between.stop()


@pytest.fixture
def make(faulty: Faulty, s3_bucket: str) -> Iterator[Callable[..., Store]]:
    """A folder in the bucket behind it, with other clients than any other test."""
    s3fs = pytest.importorskip("s3fs")
    s3fs.S3FileSystem.clear_instance_cache()
    yield lambda seconds, **more: open_store(f"{s3_bucket}/faults", retry=RetryPolicy(seconds, **more))
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.parametrize("fault", ["503", "reset"])
def test_what_passes_is_survived(faulty: Faulty, make: Callable[..., Store], fault: str) -> None:
    store = make(10.0)
    faulty.fail(fault, times=2)
    store.write_bytes("a", b"whole")
    faulty.fail(fault, times=2)
    assert store.read_bytes("a") == b"whole"


def test_a_restart_in_between_is_survived(faulty: Faulty, make: Callable[..., Store]) -> None:
    store = make(10.0)
    store.write_bytes("a", b"whole")
    faulty.stop()
    threading.Timer(0.6, faulty.start).start()
    assert store.read_bytes("a") == b"whole"


@pytest.mark.parametrize("fault", ["503", "reset", "stall", "down"])
def test_what_does_not_pass_ends_in_time(
    faulty: Faulty, make: Callable[..., Store], fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = make(3.0)
    if fault == "down":
        faulty.stop()
    faulty.fail(fault)
    began = time.monotonic()
    try:
        with caplog.at_level(logging.INFO, "trainspec"), pytest.raises(StorageError, match="cannot write s3://"):
            store.write("a", lambda file: file.write(b"x" * 100))
        # What counts is waiting, not what a busy machine takes for it.
        assert 1 < time.monotonic() - began < 12
        # Another operation waits as well, and says nothing new.
        with caplog.at_level(logging.INFO, "trainspec"), pytest.raises(StorageError):
            store.child("b").read_bytes("a")
    finally:
        if fault == "down":
            faulty.start()
    told = [record.message for record in caplog.records if record.name.startswith("trainspec")]
    assert [text.partition("; ")[2] for text in told] == ["trying again for up to 3 seconds"]


def test_that_it_answers_again_is_told(
    faulty: Faulty, make: Callable[..., Store], caplog: pytest.LogCaptureFixture
) -> None:
    store = make(20.0)
    store.write_bytes("a", b"1")
    faulty.fail("503", times=4)
    with caplog.at_level(logging.INFO, "trainspec"):
        store.read_bytes("a")
    told = [record.message for record in caplog.records if record.name.startswith("trainspec")]
    assert [text.partition("; ")[2] for text in told] == ["trying again for up to 20 seconds", ""]
    assert told[1] == "the store answers again"


def test_a_wait_ends_once_the_process_is_asked_to_end(faulty: Faulty, make: Callable[..., Store]) -> None:
    asked = threading.Event()
    store = make(60.0, hurried=asked.is_set)
    faulty.fail("503")
    threading.Timer(4.0, asked.set).start()
    began = time.monotonic()
    with pytest.raises(StorageError):
        store.read_bytes("a")
    # What a busy machine takes for it is little beside the minute.
    assert 3.9 < time.monotonic() - began < 20


def test_a_part_may_take_longer_than_a_server_may_be_silent(faulty: Faulty, make: Callable[..., Store]) -> None:
    # aiohttp counts the silence from when it is told that it may send, and not from when it has.
    store = make(10.0)
    store.write("a.bin", lambda file: [file.write(bytes(1 << 20)) for _ in range(9)])
    assert faulty.methods.count("PUT") == 2
    assert faulty.expecting == 0
    assert store.read_bytes("a.bin") == bytes(9 << 20)


def test_who_is_in_a_hurry_waits_for_a_moment_only(faulty: Faulty, make: Callable[..., Store]) -> None:
    store = make(60.0)
    # That there is a client is no part of the moment.
    store.write_bytes("a", b"before")
    faulty.fail("503", times=2)
    with hurrying():
        store.write_bytes("a", b"kept")
        assert store.read_bytes("a") == b"kept"
        faulty.fail("503")
        began = time.monotonic()
        with pytest.raises(StorageError):
            store.read_bytes("a")
    assert time.monotonic() - began < 20


def test_parts_are_taken_back_from_a_server_that_stumbles_over_it(
    faulty: Faulty, make: Callable[..., Store], s3_bucket: str
) -> None:
    def write(file: BinaryIO) -> None:
        for _ in range(17):
            file.write(bytes(1 << 20))
        faulty.fail("503 delete", times=2)
        raise KeyError("defect")

    with pytest.raises(KeyError):
        make(10.0).write("a.bin", write)
    assert faulty.times == 0
    files = pytest.importorskip("s3fs").S3FileSystem()
    answer = files.call_s3("list_multipart_uploads", Bucket=s3_bucket.removeprefix("s3://"))
    assert answer.get("Uploads", []) == []


def test_a_refused_deletion_is_final(faulty: Faulty, make: Callable[..., Store]) -> None:
    store = make(10.0)
    store.write_bytes("c/a", b"1")
    faulty.fail("no delete")
    for delete in (lambda: store.delete("c/a"), lambda: store.delete_tree("c")):
        before = faulty.requests
        with pytest.raises(PermissionRefused, match="Access Denied"):
            delete()
        assert faulty.requests - before < 4
    assert store.read_bytes("c/a") == b"1"
