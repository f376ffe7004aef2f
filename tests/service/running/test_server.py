"""A real service: told to end by a real signal, it says that it is no longer ready, finishes, and ends with 0."""

import signal
import socket
import subprocess
import time

from tests.service.running.serving import WORDS, ask, served


def test_it_drains_and_ends_well() -> None:
    with served("--port", "0", "--drain", "3", env={"TRAINSPEC_SEED": "x"}) as service:
        _drains(service.process, service.port)


def _drains(process: subprocess.Popen[str], port: int) -> None:
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


def test_who_goes_away_is_no_fault() -> None:
    with served("--port", "0", "--drain", "0") as service:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", service.port), timeout=10) as half:
                half.sendall(b"POST /validate?input=yaml HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nseed")
                time.sleep(0.1)
        assert ask(service.port, "/readyz") == 200
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(10) == 0
        assert service.process.stderr is not None and service.process.stderr.read() == ""


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        words = [*WORDS, "--port", str(one.getsockname()[1])]
        second = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert second.returncode == 2 and "Traceback" not in second.stderr
    assert "error[SVC108]" in second.stderr and "in use" in second.stderr


def test_a_request_on_its_way_is_answered_when_no_more_connect() -> None:
    with served("--port", "0", "--drain", "1") as service:
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.7)
        with socket.create_connection(("127.0.0.1", service.port), timeout=10) as late:
            time.sleep(0.9)
            late.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b"".join(iter(lambda: late.recv(65536), b""))
        assert b" 200 OK" in answer and b"connection: close" in answer.lower()
        assert service.process.wait(10) == 0
