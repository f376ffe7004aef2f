"""Real services, and clients that ask them without a pause."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

WORDS = [sys.executable, "-m", "trainspec", "serve"]


@dataclass
class Served:
    """A service that takes requests."""

    process: subprocess.Popen[str]
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def served(
    *options: str,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    words: Sequence[str] = WORDS,
    ready: bool = True,
) -> Iterator[Served]:
    """Such a service, until the end of the block; once it is `ready`, as who starts it waits for."""
    everything = {**os.environ, **(env or {})}
    process = subprocess.Popen([*words, *options], env=everything, stderr=subprocess.PIPE, text=True, pass_fds=pass_fds)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        while line.startswith("warning: "):
            line = process.stderr.readline()
        told = re.fullmatch(r"serving at (\S+)\n", line)
        assert told is not None, line + process.stderr.read()
        service = Served(process, told[1])
        while ready and told[1].startswith("http:") and ask(service.port, "/readyz") != 200:
            time.sleep(0.02)
        yield service
    finally:
        process.kill()
        process.wait()


def ask(port: int, path: str) -> int:
    """The status of an answer on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A socket as whoever starts services holds it."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as one:
        one.set_inheritable(True)
        yield one


@dataclass
class Clients:
    """Threads that ask until they are told to stop, each on a connection that it keeps for as long as it may."""

    port: int
    kept: int = 4
    fresh: int = 2
    answered: int = 0
    failures: list[str] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Clients:
        self._threads = [
            threading.Thread(target=self._ask, args=(number < self.kept,)) for number in range(self.kept + self.fresh)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Wait for the last answer of each."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, keep: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        number = 0
        while not self._stopped.is_set():
            number += 1
            try:
                connection.request("POST", "/validate?input=yaml", body=f"seed: {number}\n")
                answer = connection.getresponse()
                right = answer.status == 200 and b'"ok": true' in answer.read()
            except (OSError, http.client.HTTPException) as error:
                right, answer = False, None
                self.failures.append(f"request {number}: {error!r}")
                connection.close()
            if not keep or (answer is not None and answer.will_close):
                connection.close()
            with self._lock:
                self.answered += right
