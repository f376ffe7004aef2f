"""Promise: a store that stops taking what it is sent, in the middle of a large file, does not hold a run for ever."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from tests.storage.servers.faulty import Faulty

from trainspec.storage import RetryPolicy, StorageError, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE = 80 << 20
pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux alone ends such a connection"),
]


def write_large(url: str) -> float:
    """Seconds until it was given up."""
    piece, began = bytes(4 << 20), time.monotonic()
    with pytest.raises(StorageError):
        open_store(url, retry=RetryPolicy(3.0)).write("a", lambda file: [file.write(piece) for _ in range(LARGE >> 22)])
    return time.monotonic() - began


def test_s3(s3_bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    import s3fs

    faulty = Faulty(int(os.environ["AWS_ENDPOINT_URL"].rpartition(":")[2]))
    monkeypatch.setenv("AWS_ENDPOINT_URL", faulty.url)
    s3fs.S3FileSystem.clear_instance_cache()
    faulty.fail("deaf")
    try:
        assert write_large(f"{s3_bucket}/deaf") < 60
    finally:
        faulty.fail("")
        faulty.stop()
        s3fs.S3FileSystem.clear_instance_cache()


class Deaf(BaseHTTPRequestHandler):
    """As much of Google's and Azure's stores as is asked before the first bytes of a large file come."""

    protocol_version = "HTTP/1.1"
    over = threading.Event()

    def log_message(self, *_: Any) -> None: ...

    def _no(self) -> None:
        self._say(404)

    do_GET = do_HEAD = do_DELETE = _no  # noqa: N815

    def do_POST(self) -> None:
        if "upload_id" in self.path:
            self.over.wait(100)
            return
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._say(200, Location=f"http://{self.headers['Host']}/upload/a?upload_id=1")

    def do_PUT(self) -> None:
        if "restype=container" in self.path:
            self._say(201)
            return
        self.over.wait(100)

    def _say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()


@pytest.fixture
def deaf() -> Iterator[int]:
    """Its port."""
    Deaf.over.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Deaf)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server.server_address[1]
    Deaf.over.set()
    server.shutdown()
    server.server_close()


def test_google(deaf: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Read when it is imported: it would ask another server first, for a minute.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    pytest.importorskip("gcsfs")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{deaf}")
    monkeypatch.setitem(fsspec.config.conf, "gs", {"token": "anon"})
    assert write_large("gs://bucket/run") < 60


def test_azure(deaf: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("adlfs")
    account = f"AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:{deaf}/a;"
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"DefaultEndpointsProtocol=http;{account}")
    assert write_large("az://container/run") < 60


class Proxy:
    """Passes bytes on to a port, until it is deaf to what comes from the client."""

    def __init__(self, port: int) -> None:
        self._port, self.deaf, self.passed = port, threading.Event(), 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._open = ExitStack()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                # Little fits between them.
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
                backend = socket.create_connection(("127.0.0.1", self._port))
                self._open.enter_context(client)
                self._open.enter_context(backend)
                threading.Thread(target=self._pass, args=(client, backend, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(backend, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, of_client: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self.passed += len(data) * of_client
                if of_client and self.passed > 1 << 20:
                    self.deaf.wait(100)
                target.sendall(data)

    def close(self) -> None:
        self.deaf.set()
        self._server.close()
        self._open.close()


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[int]:
    """The port of a server that has one user, and takes any file."""
    paramiko = pytest.importorskip("paramiko")

    class Anybody(paramiko.ServerInterface):  # type: ignore[misc]
        def check_auth_password(self, *_: str) -> int:
            return int(paramiko.AUTH_SUCCESSFUL)

        def check_channel_request(self, *_: Any) -> int:
            return int(paramiko.OPEN_SUCCEEDED)

    class Files(paramiko.SFTPServerInterface):  # type: ignore[misc]
        def stat(self, path: str) -> Any:
            return paramiko.SFTP_NO_SUCH_FILE

        lstat = stat

        def mkdir(self, path: str, attr: Any) -> int:
            return int(paramiko.SFTP_OK)

        def open(self, path: str, flags: int, attr: Any) -> Any:
            handle = paramiko.SFTPHandle(flags)
            handle.writefile = (tmp_path / "written").open("wb")
            return handle

    key = paramiko.ECDSAKey.generate()
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                transport = paramiko.Transport(connection)
                transport.add_server_key(key)
                transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
                with suppress(Exception):
                    transport.start_server(server=Anybody())

    threading.Thread(target=serve, daemon=True).start()
    proxy = Proxy(server.getsockname()[1])
    yield proxy.port
    proxy.close()
    server.close()


def test_ssh(sftp: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert write_large(f"sftp://user:word@127.0.0.1:{sftp}/run") < 60
