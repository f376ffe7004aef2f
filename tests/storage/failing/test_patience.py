"""Promise: a store that never answers costs no more time than it is given, whatever client speaks to it."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry

from trainspec.storage import RetryPolicy, StorageError, Store, hurrying, is_transient, open_store
from trainspec.storage.clients import Sockets, hold_to, patience
from trainspec.storage.remote import RemoteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Silent(MemoryFileSystem):  # type: ignore[misc]
    """A client without any patience of its own: it waits until the test is over."""

    cachable = False
    over = threading.Event()

    def _never(self, *args: Any, **more: Any) -> Any:
        self.over.wait()
        raise AssertionError("nobody waits for this any more")

    info = ls = find = rm_file = makedirs = pipe_file = _never


@pytest.fixture
def silent() -> Iterator[Callable[[float], Store]]:
    Silent.over.clear()
    yield lambda seconds: RemoteStore("dav://host/run", Silent(), "/run", RetryPolicy(seconds))
    Silent.over.set()


ASKED: dict[str, Callable[[Store], object]] = {
    "look": lambda store: store.exists("a"),
    "list": lambda store: store.entries(),
    "folders": lambda store: store.folders(),
    "delete": lambda store: store.delete("a"),
    "make": lambda store: store.make_folder("a"),
    "write": lambda store: store.write_bytes("a", b"x"),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_a_client_that_never_comes_back_is_left_behind(
    silent: Callable[[float], Store], ask: Callable[[Store], object]
) -> None:
    with pytest.raises(StorageError, match="it has not answered for 0 seconds"):
        ask(silent(0.2))


@pytest.mark.timeout(60)
def test_so_is_one_that_keeps_a_process_from_its_end(silent: Callable[[float], Store]) -> None:
    with hurrying(), pytest.raises(StorageError, match="it has not answered for"):
        silent(10_000.0).exists("a")


def test_a_process_that_stood_still_has_not_waited() -> None:
    # Ten minutes lie between any two looks at the clock, as between those of a process that was stopped and goes on.
    clock = itertools.count(0.0, 600.0)
    policy = RetryPolicy(2.0, clock=lambda: float(next(clock)))
    answered = threading.Timer(0.3, lambda: None)

    def answer() -> str:
        answered.start()
        answered.join()
        return "whole"

    assert policy.run(answer, watched=True) == "whole"


class _Channel:
    def __init__(self) -> None:
        self.sock = socket.socket()

    def settimeout(self, seconds: float) -> None:
        self.seconds = seconds

    def get_transport(self) -> _Channel:
        return self


class _Client:
    """As much of each client as is told something."""

    def __init__(self) -> None:
        self.channel = _Channel()
        self._config = self
        self.retry_policy, self.total_retries = self, 3
        self._pipeline = self._transport = self.connection_config = self
        self.timeout = self.read_timeout = 300.0
        self.session = None

    async def open(self) -> None:
        """As before each request."""

    def get_channel(self) -> _Channel:
        return self.channel


class Told(MemoryFileSystem):  # type: ignore[misc]
    """Keeps what it is told."""

    cachable = False

    def __init__(self, **told: Any) -> None:
        super().__init__()
        self.told, self.ftp, self.service_client = told, _Client(), _Client()

    def _request(self) -> str:
        return "again and again"

    _request.__wrapped__ = lambda self: "once"  # type: ignore[attr-defined]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Told]:
    def opened(scheme: str) -> Told:
        kind = type("ToldOf", (Told,), {"protocol": scheme})
        monkeypatch.setitem(_registry, scheme, kind)
        store = open_store(f"{scheme}://somewhere/run", retry=RetryPolicy(60.0))
        assert isinstance(store, RemoteStore)
        found: Told = store._filesystem
        return found

    return opened


def test_google_is_told_to_try_once_and_not_for_long(told: Callable[[str], Told]) -> None:
    pytest.importorskip("aiohttp")
    client = told("gs")
    waits = client.told["requests_timeout"]
    assert (waits.total, waits.sock_connect, waits.sock_read) == (None, 10.0, 10.0)
    assert client._request() == "once"


def test_so_is_azure(told: Callable[[str], Told]) -> None:
    client = told("abfs").service_client
    assert (client.total_retries, client.timeout, client.read_timeout) == (0, 10.0, 10.0)


def test_so_is_ssh_before_and_after_it_is_connected(told: Callable[[str], Told]) -> None:
    client = told("sftp")
    assert client.told == dict.fromkeys(("timeout", "banner_timeout", "auth_timeout", "channel_timeout"), 10.0)
    assert client.ftp.channel.seconds == 10.0


def test_what_is_no_connection_of_tcp_is_left_alone(
    told: Callable[[str], Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in (object(), socket.socketpair()[0]):
        monkeypatch.setattr(_Channel, "get_transport", lambda self, sock=other: type("Transport", (), {"sock": sock}))
        assert told("sftp").ftp.channel.seconds == 10.0


def test_a_client_of_s3_that_takes_no_sockets_is_given_none(monkeypatch: pytest.MonkeyPatch) -> None:
    config = pytest.importorskip("aiobotocore.config").AioConfig
    session = pytest.importorskip("aiobotocore.httpxsession")
    pytest.importorskip("httpx")
    assert patience("s3", RetryPolicy(60.0))["config_kwargs"]["connector_args"] == {"socket_factory": Sockets(10.0)}
    said = {"http_session_cls": session.HttpxSession, "connector_args": {"keepalive_timeout": 3}}
    monkeypatch.setitem(fsspec.config.conf, "s3", {"config_kwargs": said})
    given = patience("s3", RetryPolicy(60.0))["config_kwargs"]
    assert given["connector_args"] == {"keepalive_timeout": 3} and config(**given).http_session_cls
    monkeypatch.setitem(fsspec.config.conf, "s3", {"config_kwargs": {"connector_args": {"socket_factory": None}}})
    assert patience("s3", RetryPolicy(60.0))["config_kwargs"]["connector_args"] == {"socket_factory": None}


class _Connector:
    _socket_factory = None


class KeptClient:
    """Of Google's, as much as is opened before a request."""

    protocol = "gs"

    def __init__(self) -> None:
        self._session = type("Session", (), {"connector": _Connector()})
        self.opened = 0

    def _request(self) -> None: ...

    async def _set_session(self) -> str:
        self.opened += 1
        return "session"


def test_a_client_that_is_opened_again_and_again_is_told_the_newest_once() -> None:
    kept = KeptClient()
    for seconds in range(1, 3000):
        hold_to(kept, RetryPolicy(float(seconds)))
    assert asyncio.run(kept._set_session()) == "session" and kept.opened == 1
    assert kept._session.connector._socket_factory == Sockets(2999 / 6)


def test_what_the_user_says_goes_first(told: Callable[[str], Told], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fsspec.config.conf, "sftp", {"timeout": 99.0})
    assert told("sftp").told["timeout"] == 99.0


def _error(name: str, base: type[Exception] = Exception, **facts: Any) -> Exception:
    error = type(name, (base,), {})("said")
    vars(error).update(facts)
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (_error("HttpError", code=503), True),
        (_error("HttpError", code=404), False),
        (_error("HttpResponseError", status_code=429), True),
        (_error("HttpResponseError", status_code=403), False),
        (_error("HttpResponseError"), False),
        (_error("ServiceResponseError"), True),
        (_error("Failed", RuntimeError, __cause__=None), False),
    ],
    ids=str,
)
def test_what_may_pass(error: Exception, expected: bool) -> None:
    assert is_transient(error) == expected
    wrapped = RuntimeError("failed to upload a block")
    wrapped.__cause__ = error
    assert is_transient(wrapped) == expected


URLS = {
    "gcsfs": ("gs://bucket/run", {"token": "anon"}),
    "adlfs": ("az://container/run", {}),
    "paramiko": ("sftp://user:word@127.0.0.1:{port}/run", {}),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("package", URLS)
def test_a_real_client_of_a_server_that_never_answers(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # It would ask another server first, for a minute.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    pytest.importorskip(package)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        url, options = URLS[package]
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        account = f"AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:{port}/a;"
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"DefaultEndpointsProtocol=http;{account}")
        monkeypatch.setitem(fsspec.config.conf, url.partition(":")[0], options)
        with pytest.raises(StorageError):
            open_store(url.format(port=port), retry=RetryPolicy(3.0)).write("a", lambda file: file.write(b"x"))
