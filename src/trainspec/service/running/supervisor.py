"""Several servers behind the same sockets: a process that serves nothing starts them, and replaces one that dies.

The sockets are opened once and shared, so that what waits in their queues is taken by whichever server is there.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from trainspec.service.options import Options, Running

_METRICS = "PROMETHEUS_MULTIPROC_DIR"
# How a server ends that listened and found that it can answer nothing.
_CANNOT_SERVE = 2
# Seconds between two starts of a server that dies at once, and those that a server has beyond its drain and grace.
_BETWEEN_STARTS = 1.0
_BEYOND = 5.0
_log = logging.getLogger("trainspec.service")
_spawn = get_context("spawn")


@dataclass
class _Worker:
    """A server's process, and the end of a pipe through which it says that it takes requests."""

    process: SpawnProcess
    line: connection.Connection
    is_first: bool = False
    is_ready: bool = False
    since: float = field(default_factory=time.monotonic)


def serve_by_workers(
    options: Options, running: Running, sockets: Sequence[socket.socket], begun: Callable[[], None]
) -> int:
    """Serve at these sockets by several processes until told to end; `begun` is called once all take requests.

    0 where all ended well, 1 where one had to be killed, 2 where they could not begin.
    """
    with _metrics_folder() as folder:
        return _Supervisor((options, running, [*sockets], folder), begun).run()


@contextmanager
def _metrics_folder() -> Iterator[str | None]:
    """A folder in which the servers' metrics are added up; None where the environment names one."""
    if os.environ.get(_METRICS):
        yield None
        return
    os.environ[_METRICS] = folder = tempfile.mkdtemp(prefix="trainspec-metrics-")
    try:
        yield folder
    finally:
        del os.environ[_METRICS]
        shutil.rmtree(folder, ignore_errors=True)


_Given = tuple[Options, Running, list[socket.socket], str | None]


class _Supervisor:
    def __init__(self, given: _Given, begun: Callable[[], None]) -> None:
        self._given = given
        self._running = given[1]
        self._begun = begun
        self._workers: list[_Worker] = []
        self._has_begun = False
        # A signal's handler writes into it what the loop below waits for.
        self._wake, self._waker = os.pipe()
        self._told: list[int] = []

    def run(self) -> int:
        before = {sig: signal.signal(sig, self._on_signal) for sig in (signal.SIGTERM, signal.SIGINT)}
        try:
            self._workers = [self._start(is_first=True) for _ in range(self._running.workers)]
            while not self._told:
                found = self._wait(None)
                if self._cannot_serve():
                    self._stop()
                    return _CANNOT_SERVE
                self._look(found)
                if self._has_failed():
                    self._stop()
                    return _CANNOT_SERVE
                if not self._has_begun and all(worker.is_ready for worker in self._workers):
                    self._has_begun = True
                    self._begun()
            return self._stop()
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)
            os.close(self._wake)
            os.close(self._waker)

    def _on_signal(self, sig: int, frame: FrameType | None) -> None:
        self._told.append(sig)
        os.write(self._waker, b".")

    def _start(self, *, is_first: bool = False) -> _Worker:
        ours, theirs = _spawn.Pipe(duplex=False)
        process = _spawn.Process(target=_serve, args=(*self._given, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours, is_first)

    def _wait(self, seconds: float | None) -> set[object]:
        """What there is to look at: a worker that died, one that is ready, a signal."""
        waiting = [worker.line for worker in self._workers if not worker.is_ready and worker.process.is_alive()]
        ended = [worker.process.sentinel for worker in self._workers]
        found = connection.wait([*waiting, *ended, self._wake], seconds)
        if self._wake in found:
            os.read(self._wake, 4096)
        return set(found)

    def _look(self, found: set[object]) -> None:
        for number, worker in enumerate(self._workers):
            if worker.line in found and not worker.is_ready:
                try:
                    worker.is_ready = worker.line.recv() == "ready"
                except EOFError:
                    worker.process.join()
            if worker.process.is_alive() or self._told or not self._has_begun:
                continue
            code = worker.process.exitcode
            _log.error("server process %s ended with %s and is replaced", worker.process.pid, code)
            self._forget(worker)
            pause = worker.since + _BETWEEN_STARTS - time.monotonic()
            if pause > 0:
                connection.wait([self._wake], pause)
            if not self._told:
                self._workers[number] = self._start()

    def _cannot_serve(self) -> bool:
        """Whether one of the first listened and then could not load what answers: another would fare no better."""
        return any(one.is_first and one.process.exitcode == _CANNOT_SERVE for one in self._workers)

    def _has_failed(self) -> bool:
        """Whether one died before all were ready, as any other would."""
        return not self._has_begun and not self._told and any(not one.process.is_alive() for one in self._workers)

    def _forget(self, worker: _Worker) -> None:
        """Drop what a dead server measured of the moment; its counts stay."""
        worker.line.close()
        for file in Path(os.environ[_METRICS]).glob(f"gauge_live*_{worker.process.pid}.db"):
            file.unlink(missing_ok=True)

    def _stop(self) -> int:
        """Tell all to end, and wait for it; SIGINT is passed on as what it is, and a second signal ends the waiting."""
        for worker in self._workers:
            if worker.process.is_alive() and worker.process.pid is not None:
                os.kill(worker.process.pid, self._told[0] if self._told else signal.SIGTERM)
        end = time.monotonic() + self._running.drain + self._running.grace + _BEYOND
        while (left := end - time.monotonic()) > 0 and len(self._told) < 2:
            alive = [worker.process for worker in self._workers if worker.process.is_alive()]
            if not alive:
                break
            connection.wait([*(process.sentinel for process in alive), self._wake], left)
        code = 0
        for worker in self._workers:
            if worker.process.is_alive():
                _log.error("server process %s did not end and is killed", worker.process.pid)
                worker.process.kill()
            worker.process.join()
            # One that was told before it could listen to signals ended by it, with nothing open.
            fine = (0,) if worker.is_ready else (0, -signal.SIGTERM, -signal.SIGINT)
            code = max(code, worker.process.exitcode not in fine)
        return code


def _serve(
    options: Options,
    running: Running,
    sockets: list[socket.socket],
    folder: str | None,
    line: connection.Connection,
) -> None:
    """A server's process; it ends with the process that started it, and does what that can no longer do."""
    from trainspec.service.running.server import serve_alone

    parent = parent_process()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    fine = serve_alone(options, running, sockets, lambda: line.send("ready"))
    if folder is not None and parent is not None and not parent.is_alive():
        shutil.rmtree(folder, ignore_errors=True)
    if not fine:
        raise SystemExit(_CANNOT_SERVE)


def _end_with(parent: BaseProcess | None) -> None:
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
