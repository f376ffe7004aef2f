"""Processes that judge one document at a time for another, and are ended where one takes too long.

They are started by themselves and not by multiprocessing, whose own processes, servers among them, may have none.
"""

from __future__ import annotations

import asyncio
import pickle
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

# Seconds in which a process has imported what it needs, however busy the machine.
_LONGEST_START = 60.0
_CHILD = "from trainspec.service.work.child import main; main()"


class OutOfTime(Exception):
    """A document was not judged in its time."""


class Ended(Exception):
    """A process ended over a document: by the system, which had no memory left, or by itself."""


class Broken(Exception):
    """A process failed; `where` is the kind of failure and the line of ours, nothing of what was sent."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


def is_importable(model: type[Any]) -> bool:
    """Whether another process finds a class under its name."""
    try:
        pickle.dumps(model)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return model.__module__ != "__main__"


class _Process:
    """One process, and the pipes to it."""

    def __init__(self, models: Mapping[str, type[BaseSettings]]) -> None:
        # In a session of its own: what ends a terminal's programs ends the server, which then ends this.
        self._popen = subprocess.Popen(
            [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._is_ready = False
        self._first = pickle.dumps((sys.path, pickle.dumps(dict(models))))

    @property
    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        given, taken = self._popen.stdin, self._popen.stdout
        if given is None or taken is None:
            raise Broken("no pipes")
        return given, taken

    def ask(self, task: bytes, seconds: float) -> Any:
        """What the process makes of a task. Raises OutOfTime, Ended, Broken, and what it raised."""
        given, taken = self._pipes
        try:
            if not self._is_ready:
                given.write(self._first)
                given.flush()
                self._wait(taken, _LONGEST_START)
                pickle.load(taken)
                self._is_ready = True
            given.write(task)
            given.flush()
            self._wait(taken, seconds)
            kind, value = pickle.load(taken)
        except (EOFError, BrokenPipeError):
            raise Ended from None
        if kind == "raised":
            raise value
        if kind == "broken":
            raise Broken(value)
        return value

    def _wait(self, pipe: IO[bytes], seconds: float) -> None:
        found, _, _ = select.select([pipe], [], [], seconds)
        if not found:
            raise OutOfTime

    @property
    def is_alive(self) -> bool:
        return self._popen.poll() is None

    def end(self) -> None:
        self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


class Processes:
    """At most so many processes, each started when it is first needed, and anew where one was ended."""

    def __init__(self, number: int, models: Mapping[str, type[BaseSettings]]) -> None:
        self._models = models
        self._threads = ThreadPoolExecutor(number, "process")
        self._free: list[_Process] = []
        self._all: set[_Process] = set()
        self._lock = threading.Lock()
        self._has_ended = False

    async def do(
        self, loop: asyncio.AbstractEventLoop, seconds: float, function: Callable[..., Any], *given: Any
    ) -> Any:
        """What a function makes of the judges and what it is given, elsewhere. Raises OutOfTime, Ended, Broken."""
        task = pickle.dumps((function, given))
        return await loop.run_in_executor(self._threads, self._do, task, seconds)

    def _do(self, task: bytes, seconds: float) -> Any:
        process = self._taken()
        try:
            result = process.ask(task, seconds)
        except (OutOfTime, Ended):
            process.end()
            with self._lock:
                self._all.discard(process)
                # The next one should not wait for its start.
                if not self._has_ended:
                    self._free.append(self._started())
            raise
        except BaseException:
            self._give_back(process)
            raise
        self._give_back(process)
        return result

    def _taken(self) -> _Process:
        with self._lock:
            while self._free:
                process = self._free.pop()
                if process.is_alive:
                    return process
                self._all.discard(process)
                process.end()
            return self._started()

    def _started(self) -> _Process:
        process = _Process(self._models)
        self._all.add(process)
        return process

    def _give_back(self, process: _Process) -> None:
        with self._lock:
            self._free.append(process)

    def end(self) -> None:
        """End all of them."""
        with self._lock:
            self._has_ended = True
            for process in self._all:
                process.end()
            self._free.clear()
            self._all.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)
