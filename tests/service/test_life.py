"""A real service: told to end by a real signal, it says that it is no longer ready, finishes, and ends with 0."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest


def ask(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture
def served() -> Iterator[tuple[subprocess.Popen[str], int]]:
    words = [sys.executable, "-m", "trainspec", "serve", "--port", "0", "--drain", "3"]
    process = subprocess.Popen(words, env={**os.environ, "TRAINSPEC_SEED": "x"}, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        told = re.fullmatch(r"serving at http://127\.0\.0\.1:(\d+)\n", process.stderr.readline())
        assert told is not None
        port = int(told[1])
        yield process, port
    finally:
        process.kill()
        process.wait()


def test_it_drains_and_ends_well(served: tuple[subprocess.Popen[str], int]) -> None:
    process, port = served
    assert ask(port, "/readyz") == 200
    with socket.create_connection(("127.0.0.1", port), timeout=10) as half:
        head = "POST /validate?input=yaml HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nseed"
        half.sendall(head.encode())
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert (ask(port, "/readyz"), ask(port, "/healthz")) == (503, 200)
        time.sleep(3.2)
        half.sendall(b": 7\n")
        answer = b"".join(iter(lambda: half.recv(65536), b""))
    assert b" 200 OK" in answer and b'"ok": true' in answer
    assert process.wait(10) == 0
    assert process.stderr is not None and process.stderr.read() == ""


def test_a_port_that_is_taken_is_told(served: tuple[subprocess.Popen[str], int]) -> None:
    _, port = served
    words = [sys.executable, "-m", "trainspec", "serve", "--port", str(port)]
    second = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert second.returncode == 2 and "Traceback" not in second.stderr and "in use" in second.stderr
