"""What listens before the judge is there: probes are answered, all else waits; and who dawdles over a head does not."""

from __future__ import annotations

import asyncio
import http.client
import signal
import socket
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.service.running.serving import WORDS, ask, served

import trainspec.service.app
from trainspec.service.options import Life, Options
from trainspec.service.running.front import Front

# Of a package that is there, and of which a module cannot be imported.
BROKEN = """
import sys

class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == "trainspec.service.judging":
            raise RuntimeError("broken")

sys.meta_path.insert(0, Broken())
"""


async def asked(front: Front, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"input=yaml", "headers": [], "state": {}}
    await front({**scope, "root_path": "", "server": ("x", 80), "scheme": "http"}, receive, send)
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])


def test_probes_are_answered_before_the_judge_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    create, may_go_on = trainspec.service.app.create_app, threading.Event()

    def slowly(*given: Any) -> Any:
        assert may_go_on.wait(60)
        return create(*given)

    monkeypatch.setattr(trainspec.service.app, "create_app", slowly)

    async def both() -> None:
        loaded = asyncio.Event()
        front = Front(Options(), Life(), loaded.set)
        early = asyncio.ensure_future(asked(front, "GET", "/healthz"))
        assert (await early)[0] == 200
        front.begin()
        waits = [asyncio.ensure_future(asked(front, "POST", "/validate", b"seed: 1\n")) for _ in range(3)]
        gone = asyncio.ensure_future(asked(front, "GET", "/fields"))
        await asyncio.sleep(0.05)
        assert [(await asked(front, "GET", path))[0] for path in ("/healthz", "/readyz")] == [200, 503]
        assert await asked(front, "HEAD", "/readyz") == (503, b"")
        gone.cancel()
        await asyncio.sleep(0)
        assert not any(one.done() for one in waits)
        may_go_on.set()
        assert [(status, b'"ok": true' in body) for status, body in await asyncio.gather(*waits)] == [(200, True)] * 3
        await loaded.wait()
        assert await asked(front, "GET", "/readyz") == (200, (await early)[1])
        front.end()

    asyncio.run(both())


def test_what_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*given: Any) -> Any:
        raise ValueError("a secret")

    monkeypatch.setattr(trainspec.service.app, "create_app", broken)

    async def both() -> None:
        front = Front(Options(), Life(), lambda: None)
        waits = [asyncio.ensure_future(asked(front, "POST", "/validate", b"seed: 1\n")) for _ in range(2)]
        await asyncio.sleep(0)
        front.begin()
        while not front.has_failed:
            await asyncio.sleep(0.01)
        # Who waits for it is not left waiting.
        told = await asyncio.gather(*waits, asked(front, "GET", "/readyz"))
        assert [(status, b'"ok": false' in body) for status, body in told] == [(503, True)] * 3

    asyncio.run(asyncio.wait_for(both(), 60))
    assert "ValueError at" in caplog.text and "secret" not in caplog.text


@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_a_service_that_cannot_be_loaded_ends(workers: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BROKEN)
    with served("--port", "0", *workers, ready=False, env={"PYTHONPATH": str(tmp_path)}) as service:
        assert service.process.wait(30) == 2
        assert service.process.stderr is not None
        said = service.process.stderr.read()
    assert "it cannot be loaded: RuntimeError at" in said and "is replaced" not in said


def test_who_asks_now_and_then_is_not_cut_off_in_between() -> None:
    with served("--port", "0", "--deadline", "1") as service:
        kept = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
        with closing(kept):
            for pause in (0, 2.5, 0.3):
                time.sleep(pause)
                kept.request("GET", "/healthz")
                answer = kept.getresponse()
                assert (answer.status, b'"ok": true' in answer.read()) == (200, True)


def test_a_head_that_never_ends_is_cut_off() -> None:
    with served("--port", "0", "--deadline", "1") as service:
        kept = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
        with closing(kept), socket.create_connection(("127.0.0.1", service.port), timeout=0.2) as slow:
            begun, answer = time.monotonic(), b""
            slow.sendall(b"POST /validate HTTP/1.1\r\nHost: x\r\n")
            while time.monotonic() - begun < 10:
                try:
                    slow.sendall(b"X-A: b\r\n")
                    part = slow.recv(65536)
                except TimeoutError:
                    # Who asks as others do is served all the while.
                    kept.request("GET", "/healthz")
                    assert b'"ok": true' in kept.getresponse().read()
                    continue
                except ConnectionError:
                    break
                answer += part
                if not part:
                    break
            assert 0.9 < time.monotonic() - begun < 6
        assert answer.startswith(b"HTTP/1.1 408 ") and b"SVC102" in answer and b"connection: close" in answer
        assert ask(service.port, "/healthz") == 200
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(20) == 0
        assert service.process.stderr is not None and service.process.stderr.read() == ""


def test_told_to_end_before_the_judge_is_there_it_ends_well() -> None:
    with served("--port", "0", "--drain", "0", words=WORDS, ready=False) as service:
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(20) == 0
        assert service.process.stderr is not None and service.process.stderr.read() == ""
