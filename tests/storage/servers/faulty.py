"""A server between a client and a store that fails as it is told: a real one, on the loopback interface."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_OWN = {"connection", "transfer-encoding", "keep-alive", "content-length"}
_REFUSED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
_BUSY = b"<Error><Code>ServiceUnavailable</Code><Message>Please reduce your request rate.</Message></Error>"


class Faulty:
    """Passes requests on to the server at `port`, and fails them while `fault` is set; counts all in `requests`.

    Faults: "503" answers so; "reset" cuts the connection; "stall" never answers; "deaf" reads no more of what is put
    there after its first bytes; "no delete" refuses deletions, "503 delete" answers them so; "down" has nobody listen.
    With `times` it passes after so many. `expecting` counts those that asked first whether they may send what they put.
    """

    def __init__(self, port: int) -> None:
        self.fault, self.times, self.requests, self.methods = "", -1, 0, list[str]()
        self.expecting = 0
        self._backend = port
        self._over = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, fault: str, times: int = -1) -> None:
        self.fault, self.times = fault, times

    def start(self) -> None:
        """Listen, after `stop` at the same port as before."""
        handler = type("Handler", (_Handler,), {"faulty": self})
        self._over.clear()
        self._server = _Server(("127.0.0.1", self.port), handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        assert self._server is not None
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def due(self, method: str, path: str) -> str:
        self.requests += 1
        self.methods.append(method)
        deletes = method == "DELETE" or (method == "POST" and path.partition("?")[2].startswith("delete"))
        if not self.fault or not self.times or (self.fault.endswith(" delete") and not deletes):
            return ""
        self.times -= 1
        return self.fault

    def stall(self) -> None:
        self._over.wait(60)

    def pass_on(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._backend, timeout=30)
        try:
            kept = {name: value for name, value in headers.items() if name.lower() not in _OWN}
            connection.request(method, path, body, kept | {"Content-Length": str(len(body))})
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def handle_error(self, *_: Any) -> None:
        """A client that has gone is what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faulty: Faulty

    def log_message(self, *_: Any) -> None: ...

    def _answer(self) -> None:
        if self.faulty.fault == "deaf" and self.command == "PUT":
            self.faulty.due(self.command, self.path)
            self.faulty.stall()
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.faulty.expecting += "Expect" in self.headers
        fault = self.faulty.due(self.command, self.path)
        if fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        if fault == "stall":
            self.faulty.stall()
            self.close_connection = True
            return
        if fault in ("503", "503 delete"):
            self._send(503, [], _BUSY)
        elif fault == "no delete":
            self._send(403, [], _REFUSED)
        else:
            self._send(*self.faulty.pass_on(self.command, self.path, self.headers, body))

    def _send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        length = str(len(body))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            if name.lower() not in _OWN:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _answer  # noqa: N815 - the names are http.server's
