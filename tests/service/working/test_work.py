"""What takes long holds up nobody: it is judged in another process, and ended where it is out of time."""

import asyncio
import http.client
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.service.running.serving import served
from tests.service.working.tasks import breaks, dies, prints, refuses, sleeps

from trainspec import TrainingArguments
from trainspec.service.app import create_app
from trainspec.service.options import Limits, Options
from trainspec.service.refusals import Refused
from trainspec.service.work import MEDIUM, Work

# Of all that may be sent, what takes longest to judge: names that are nearly those of settings, one after the other.
SLOWEST = "deepspeed:\n" + "".join(f"  zero_{number}: {{stge: 1, b: [1, 2]}}\n" for number in range(9000))


def work_of(**limits: Any) -> Work:
    return Work(Limits(**limits), {})


LARGE = b"x" * (MEDIUM + 1)


async def _status(work: Work, function: Any, *given: Any) -> tuple[int, str]:
    try:
        await work.do(LARGE, function, *given)
    except Refused as why:
        return why.status, why.diagnostics[0].code
    return 200, ""


def test_a_process_that_is_out_of_time_is_ended_and_another_goes_on() -> None:
    async def run() -> None:
        work = work_of(seconds=2.0, threads=1)
        try:
            first = await work.do(LARGE, sleeps, 0)
            begun = time.monotonic()
            assert await _status(work, sleeps, 600) == (413, "SVC102")
            assert time.monotonic() - begun < 10
            with pytest.raises(ProcessLookupError):
                os.kill(first, 0)
            assert await work.do(LARGE, sleeps, 0) not in (first, os.getpid())
        finally:
            work.end()

    asyncio.run(run())


def test_a_process_is_kept(tmp_path: Path) -> None:
    async def run() -> None:
        work = work_of(threads=1)
        try:
            assert await work.do(LARGE, sleeps, 0) == await work.do(LARGE, sleeps, 0) != os.getpid()
            assert await work.do(b"x", sleeps, 0) == os.getpid()
            # What references stand for is not seen by the size.
            assert await work.do(b"a: &a 1\nb: *a", sleeps, 0) != os.getpid()
        finally:
            work.end()

    asyncio.run(run())


def test_what_fails_there_is_told_here() -> None:
    async def run() -> None:
        work = work_of(threads=1)
        try:
            with pytest.raises(Refused) as why:
                await work.do(LARGE, refuses, "what")
            assert (why.value.status, why.value.headers) == (400, {"Retry-After": "1"})
            assert why.value.diagnostics[0].message == "what"
            with pytest.raises(Exception) as broken:
                await work.do(LARGE, breaks, "canary-9f8e7d6c")
            assert "ValueError" in str(broken.value) and "canary" not in repr(broken.value)
            assert await _status(work, dies) == (413, "SVC110")
            assert await work.do(LARGE, prints) == b""
        finally:
            work.end()

    asyncio.run(run())


def test_what_waits_is_bounded() -> None:
    async def run() -> None:
        work = work_of(seconds=2.0, threads=1, waiting=1)
        try:
            found = await asyncio.gather(*(_status(work, sleeps, 60) for _ in range(5)))
        finally:
            work.end()
        assert sorted(found)[-3:] == [(429, "SVC107")] * 3

    asyncio.run(run())


class Here(TrainingArguments):
    rank: int = 1


def test_classes_go_along_where_they_can_be_imported() -> None:
    class Local(TrainingArguments):
        width: int = 1

    text = "".join(f"rank{number}: 1\n" for number in range(2000)) + "rank: no\nwidth: no\n"
    with TestClient(create_app(Options(models={"a:Here": Here, "a:Local": Local}))) as client:
        for name, field in (("a:Here", "rank"), ("a:Local", "width")):
            told = client.post("/validate", content=text, params={"input": "yaml", "model": name}).json()
            fields = {one for item in told["files"][0]["diagnostics"] for one in item["fields"]}
            assert field in fields
    from trainspec.service.work.processes import is_importable

    assert is_importable(Here) and not is_importable(Local)


def _ask(port: int, text: str, took: list[float], statuses: list[int]) -> None:
    begun = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/validate?input=yaml", text)
    statuses.append(connection.getresponse().status)
    took.append(time.monotonic() - begun)


def test_small_documents_do_not_wait_for_the_slowest() -> None:
    with served("--port", "0", "--deadline", "2") as service:
        slow: list[float] = []
        slow_statuses: list[int] = []
        _ask(service.port, "seed: 1\n", [], [])
        _ask(service.port, SLOWEST, slow, slow_statuses)
        threads = [threading.Thread(target=_ask, args=(service.port, SLOWEST, slow, slow_statuses)) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        took: list[float] = []
        statuses: list[int] = []
        for number in range(20):
            _ask(service.port, f"seed: {number}\n", took, statuses)
        for thread in threads:
            thread.join()
        assert statuses == [200] * 20 and set(slow_statuses) <= {200, 413, 429} and len(slow_statuses) == 4
        # Alone each takes some milliseconds; the slowest take most of a second, or are given up after two.
        assert sorted(took)[-1] < 0.5 and min(slow) > 2 * sorted(took)[10], (took, slow)


def test_they_end_with_the_server() -> None:
    with served("--port", "0") as service:
        _ask(service.port, SLOWEST, [], [])
        children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
        # Threads start them.
        for task in Path(f"/proc/{service.process.pid}/task").iterdir():
            children += (task / "children").read_text().split()
        assert children
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
        end = time.monotonic() + 10
        while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < end:
            time.sleep(0.05)
        assert not any(Path(f"/proc/{child}").exists() for child in children)
