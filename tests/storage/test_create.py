"""Promise: of all that create a file at the same time exactly one does, and a store that cannot promise it refuses."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from trainspec.storage import AlreadyThere, RetryPolicy, StorageError, Store, open_store
from trainspec.storage.remote import RemoteStore

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_created_once(store: Store) -> None:
    assert store.creates_exclusively
    store.create("deep/owner.json", b"first")
    with pytest.raises(AlreadyThere, match=r"cannot create .*/deep/owner\.json: there is something of that name"):
        store.create("deep/owner.json", b"second")
    assert store.read_bytes("deep/owner.json") == b"first"
    assert [entry.name for entry in store.entries()] == ["deep/owner.json"]
    store.delete("deep/owner.json")
    store.create("deep/owner.json", b"third")
    assert store.read_bytes("deep/owner.json") == b"third"


@pytest.fixture
def one_request_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 decides about one object in one place; its stand-in for tests looks first and writes then."""
    responses = pytest.importorskip("moto.s3.responses")
    lock, real = threading.Lock(), responses.S3Response._key_response_put

    def put(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return real(*args, **kwargs)

    monkeypatch.setattr(responses.S3Response, "_key_response_put", put)


@pytest.mark.timeout(60)
@pytest.mark.usefixtures("one_request_at_a_time")
def test_one_of_many_wins(url: str) -> None:
    runners, rounds = 8, 20
    start = threading.Barrier(runners)
    stores = [open_store(url) for _ in range(runners)]

    def run(number: int) -> list[bool]:
        won = []
        for turn in range(rounds):
            start.wait()
            try:
                stores[number].create(f"turn-{turn}", bytes([number]) * 1000)
                won.append(True)
            except AlreadyThere:
                won.append(False)
        return won

    with ThreadPoolExecutor(runners) as pool:
        results = list(pool.map(run, range(runners)))
    for turn in range(rounds):
        winners = [number for number in range(runners) if results[number][turn]]
        assert len(winners) == 1
        assert stores[0].read_bytes(f"turn-{turn}") == bytes(winners) * 1000
    assert len(stores[0].entries()) == rounds


def test_a_local_file_appears_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    real = os.link

    def link(source: Path, target: Path) -> None:
        seen.append(source.read_bytes())
        assert not target.exists()
        real(source, target)

    monkeypatch.setattr(os, "link", link)
    open_store(tmp_path).create("a", b"whole")
    assert seen == [b"whole"]
    assert os.listdir(tmp_path) == ["a"]


def test_a_file_system_without_links_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(StorageError, match="this file system has no hard links") as caught:
        open_store(tmp_path).create("a", b"1")
    assert not isinstance(caught.value, AlreadyThere)
    assert os.listdir(tmp_path) == []


def test_a_store_that_cannot_promise_it_refuses() -> None:
    store = RemoteStore("sftp://host/run", object(), "/run", RetryPolicy())
    assert not store.creates_exclusively
    with pytest.raises(StorageError, match=r"cannot create sftp://host/run/a: .* cannot promise"):
        store.create("a", b"1")


class Before2024:
    """What s3fs was before it knew of conditions."""

    async def _pipe_file(self, path: str, data: bytes, chunksize: int = 1) -> None: ...


def test_an_s3_package_that_knows_no_conditions() -> None:
    assert not RemoteStore("s3://b/k", Before2024(), "b/k", RetryPolicy()).creates_exclusively


class Refused(Exception):
    def __init__(self, code: str) -> None:
        self.response = {"Error": {"Code": code}}


class Answering:
    """An S3 file system whose server says no, as s3fs tells it."""

    def __init__(self, code: str) -> None:
        self.code = code

    async def _pipe_file(self, path: str, data: bytes, mode: str = "overwrite") -> None: ...

    def pipe_file(self, path: str, data: bytes, mode: str) -> None:
        raise OSError(errno.EINVAL, "no") from Refused(self.code)


@pytest.mark.parametrize(("code", "there"), [("PreconditionFailed", True), ("412", True), ("InvalidRequest", False)])
def test_answers_of_other_servers(code: str, there: bool) -> None:
    with pytest.raises(StorageError) as caught:
        RemoteStore("s3://b/k", Answering(code), "b/k", RetryPolicy()).create("a", b"1")
    assert isinstance(caught.value, AlreadyThere) is there
