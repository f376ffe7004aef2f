"""The command in processes that can be killed: forked from a server that has imported torch, or fresh ones."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.survival.tripwire import NEVER, Tripwire
from tests.training.parallel.world import process

ROOT = Path(__file__).parents[2]
TASK = "tests.survival.job:task"
# The environment that every process has, and nothing else.
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "AWS_", "COVERAGE")


def environment(more: Mapping[str, str] = {}) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name.startswith(_KEPT)}
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))), **more}


@dataclass(frozen=True)
class Command:
    """`trainspec` with these words, in a folder; `fresh` is a process that starts from nothing."""

    words: Sequence[str]
    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False
    # The change to its output at which it is sent a signal, so many times.
    at: int = NEVER
    number: int = signal.SIGKILL
    times: int = 1
    # Beside the names of the files for what it says and what it changes, where several share a folder.
    label: str = ""


@dataclass
class Ended:
    """A code below zero is the signal that ended it; None is one that hung and was killed for it."""

    code: int | None
    said: str
    seconds: float
    calls: list[str]


class Running:
    """A command under way. What it has started in its group ends with it, at the latest."""

    def __init__(self, command: Command) -> None:
        command = replace(command, environ=environment(command.environ))
        self.command, self.began = command, time.monotonic()
        self._said, self._calls = (command.folder / f"{name}{command.label}.txt" for name in ("said", "calls"))
        self._calls.unlink(missing_ok=True)
        self._said.write_bytes(b"")
        self._process: Any
        if command.fresh:
            trip = map(str, (command.folder, self._calls, command.at, int(command.number), command.times))
            with self._said.open("wb") as file:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _FRESH, *trip, *command.words],
                    cwd=command.folder,
                    env=dict(command.environ),
                    stdout=file,
                    stderr=file,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
        else:
            self._process = process(_run, command, str(self._said), str(self._calls))
            self._process.start()

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    def is_over(self) -> bool:
        code = self._process.poll() if self.command.fresh else self._process.exitcode
        return code is not None

    def send(self, number: int) -> None:
        if not self.is_over():
            os.kill(self.pid, number)

    def wait_for(self, text: str, seconds: float = 60) -> bool:
        """Until it has said this; False where it ends before."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if text in self.said():
                return True
            if self.is_over():
                return text in self.said()
            time.sleep(0.002)
        return False

    def said(self) -> str:
        return self._said.read_text(errors="replace") if self._said.exists() else ""

    def join(self, seconds: float = 60) -> Ended:
        if self.command.fresh:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
            code = self._process.poll()
        else:
            self._process.join(seconds)
            code = self._process.exitcode
        took = time.monotonic() - self.began
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        if code is None:
            self._process.kill()
            self._process.wait() if self.command.fresh else self._process.join()
        calls = self._calls.read_text().split("\n")[:-1] if self._calls.exists() else []
        return Ended(code, self.said(), took, calls)


@contextlib.contextmanager
def running(command: Command) -> Iterator[Running]:
    process = Running(command)
    try:
        yield process
    finally:
        process.send(signal.SIGKILL)
        process.join(10)


def ran(command: Command, seconds: float = 60) -> Ended:
    with running(command) as process:
        return process.join(seconds)


def killed_after(command: Command, seconds: float) -> Ended:
    """SIGKILL so long after its start, if it is still there."""
    with running(command) as process:
        until = time.monotonic() + seconds
        while not process.is_over() and time.monotonic() < until:
            time.sleep(min(0.02, max(0.0, until - time.monotonic())))
        process.send(signal.SIGKILL)
        return process.join(20)


def _run(command: Command, said: str, calls: str) -> None:
    os.setsid()
    stream = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update(command.environ)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    # That of the server is inherited, and what loads data would start one of its own.
    multiprocessing.set_start_method("fork", force=True)
    import fsspec.config
    import torch

    # Read when it is imported, which the server has done.
    fsspec.config.set_conf_env(fsspec.config.conf)
    torch.set_num_threads(1)
    run_armed([str(command.folder), calls, command.at, int(command.number), command.times], list(command.words))


def run_armed(trip: Sequence[Any], words: list[str]) -> None:
    """The command in this process, which does not return."""
    folder, calls, at, number, times = trip
    Tripwire(Path(folder, "out"), Path(calls), int(at), int(number), int(times)).arm()
    from trainspec.cli import main

    code = main(words)
    sys.stdout.flush()
    sys.exit(code)


_FRESH = """
import sys
from tests.survival.processes import run_armed
run_armed(sys.argv[1:6], sys.argv[6:])
"""
