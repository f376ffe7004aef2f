"""A restart loses nothing: clients that ask all the while get every answer, from the old server or from the new one."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from tempfile import TemporaryDirectory

import pytest
from tests.service.running.serving import WORDS, Clients, ask, listening, served

posix = pytest.mark.skipif(os.name != "posix", reason="sockets are handed over on POSIX")


@posix
@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_request_is_lost(workers: str) -> None:
    with listening() as one, Clients(one.getsockname()[1]) as clients:
        given = {"pass_fds": [one.fileno()]}
        options = ("--fd", str(one.fileno()), "--workers", workers, "--drain", "1")
        with served(*options, **given) as old:
            time.sleep(0.5)
            before = clients.answered
            with served(*options, **given):
                old.process.send_signal(signal.SIGTERM)
                assert old.process.wait(20) == 0
                between = clients.answered
                time.sleep(0.5)
                assert 0 < before < between < clients.answered
                assert clients.failures == []


@posix
def test_what_waits_while_nobody_serves_is_answered_later() -> None:
    with listening() as one:
        options, given = ("--fd", str(one.fileno()), "--drain", "0"), {"pass_fds": [one.fileno()]}
        with served(*options, **given) as old:
            old.process.send_signal(signal.SIGTERM)
            assert old.process.wait(20) == 0
        with Clients(one.getsockname()[1], kept=2, fresh=2) as clients:
            time.sleep(0.3)
            with served(*options, **given):
                time.sleep(0.5)
                clients.stop()
        assert clients.answered > 4 and clients.failures == []


# What systemd does between its fork and its exec.
AS_SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


@posix
def test_sockets_of_systemd_are_taken() -> None:
    with listening() as one:
        words = [sys.executable, "-c", AS_SYSTEMD, str(one.fileno()), *WORDS[1:]]
        with served(pass_fds=[one.fileno()], words=words) as service:
            assert service.port == one.getsockname()[1] and ask(service.port, "/readyz") == 200


@posix
def test_systemd_is_told_that_it_serves() -> None:
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"{folder}/notify")
        manager.settimeout(20)
        with served("--port", "0", env={"NOTIFY_SOCKET": f"{folder}/notify"}):
            assert manager.recv(100) == b"READY=1"
