"""Several processes behind one port: one that dies is replaced, all end together, nothing of them is left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.service.running.serving import Clients, ask, served

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked up in /proc")


def servers_of(parent: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(parent), "-f", "spawn_main"], capture_output=True, text=True)
    return [int(number) for number in found.stdout.split()]


def folder_of(process: int) -> Path:
    environment = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    (value,) = (item for item in environment if item.startswith(b"PROMETHEUS_MULTIPROC_DIR="))
    return Path(os.fsdecode(value.partition(b"=")[2]))


def test_the_dead_are_replaced_and_all_end_well() -> None:
    with served("--port", "0", "--workers", "2", "--drain", "1") as service:
        parent = service.process.pid
        first = servers_of(parent)
        assert len(first) == 2
        folder = folder_of(first[0])
        assert folder == folder_of(first[1]) and folder.stat().st_mode & 0o777 == 0o700
        os.kill(first[0], signal.SIGKILL)
        end = time.monotonic() + 20
        while (now := servers_of(parent)) == first or len(now) < 2:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert first[1] in now and ask(service.port, "/readyz") == 200
        with Clients(service.port, kept=2, fresh=0) as clients:
            time.sleep(0.3)
            service.process.send_signal(signal.SIGTERM)
            time.sleep(0.4)
            assert {ask(service.port, "/readyz") for _ in range(8)} == {503}
            clients.stop()
        assert clients.answered > 0 and clients.failures == []
        assert service.process.wait(20) == 0
        assert service.process.stderr is not None
        said = service.process.stderr.read()
        assert re.fullmatch(rf"server process {first[0]} ended with -9 and is replaced\n", said), said
        assert servers_of(parent) == [] and not folder.exists()


def test_servers_end_with_what_started_them() -> None:
    with served("--port", "0", "--workers", "2", "--drain", "0") as service:
        started = servers_of(service.process.pid)
        folder = folder_of(started[0])
        assert folder.is_dir()
        service.process.kill()
        end = time.monotonic() + 20
        while any(Path(f"/proc/{process}").exists() for process in started):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert not folder.exists()


def test_a_second_signal_ends_the_waiting() -> None:
    with served("--port", "0", "--workers", "2", "--drain", "60") as service:
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(5) == 1
        assert service.process.stderr is not None and "is killed" in service.process.stderr.read()


def test_interrupting_ends_all() -> None:
    with served("--port", "0", "--workers", "2", "--drain", "60") as service:
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(10) == 0
