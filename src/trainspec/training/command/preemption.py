"""Other notices than signals that a machine is taken away, and the end of the time that a run has then."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from trainspec.training import interruption
from trainspec.training.interruption import TERMINATED

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments

# Seconds between two looks, and how long the newest checkpoint is looked for at the very end.
_EVERY, _AT_THE_END = 0.5, 2.0


class PreemptionSource(Protocol):
    """Whoever knows that a machine is taken away: a cloud's notice, a scheduler's."""

    def __call__(self) -> bool:
        """Whether it is, by now. Asked twice a second, in a thread of its own; what it raises counts as no."""


_sources: list[PreemptionSource] = []


def register_source(source: PreemptionSource) -> None:
    """Have `trainspec train` ask a source, too, from its next run on. A task may do so when it is imported.

    One that is registered already is asked once.
    """
    if source not in _sources:
        _sources.append(source)


@contextmanager
def watching(args: TrainingArguments, farewell: Callable[[], str]) -> Iterator[None]:
    """For as long as the block runs, a notice means SIGTERM to this process, and a signal's grace comes to an end.

    Then the process ends where it is, with what `farewell` says of the checkpoints.
    """
    sources = [*_sources, *([] if args.preemption_file is None else [_appears(args.preemption_file)])]
    if not sources and args.preemption_grace_seconds is None:
        yield
        return
    with _Ear() as ear:
        watch = threading.Thread(
            target=_watch, args=(args, sources, farewell, ear), name="trainspec-preemption", daemon=True
        )
        watch.start()
        try:
            yield
        finally:
            ear.close()
            watch.join()


_deaf_children: list[bool] = []


def _be_deaf() -> None:
    """In a child that was forked: what it hears is its own affair."""
    with suppress(ValueError):
        signal.set_wakeup_fd(-1)


class _Ear:
    """Hears of signals in any thread: a handler in Python waits for ever where the main one hangs in native code.

    Where somebody else in this process hears that way already, as an event loop does, handlers alone tell.
    """

    def __init__(self) -> None:
        self._asking = {int(number) for number in (*interruption.asking_to_end(), signal.SIGINT)}
        self._asked: float | None = None
        self._over = False
        self._before: int | None = None

    def __enter__(self) -> _Ear:
        self._heard, self._said = socket.socketpair()
        self._said.setblocking(False)
        # Only the main thread may.
        with suppress(ValueError):
            self._before = signal.set_wakeup_fd(self._said.fileno(), warn_on_full_buffer=False)
        if self._before not in (None, -1):
            signal.set_wakeup_fd(self._before)
            self._before = None
        if not _deaf_children and hasattr(os, "register_at_fork"):
            _deaf_children.append(True)
            os.register_at_fork(after_in_child=_be_deaf)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.set_wakeup_fd(self._before)
        self._heard.close()
        self._said.close()

    def close(self) -> None:
        self._over = True
        with suppress(OSError):
            self._said.send(b"\0")

    def listen(self, seconds: float) -> bool:
        """For so long; False once there is nothing more to hear."""
        numbers: set[int] = set()
        # No select(), which knows a thousand files and no more.
        self._heard.settimeout(max(seconds, 0.001))
        with suppress(TimeoutError):
            numbers.update(self._heard.recv(4096))
        if self._asked is None and numbers & self._asking:
            self._asked = time.monotonic()
        return not self._over

    def asked_at(self) -> float | None:
        """When the first signal came, by time.monotonic(); None where none has."""
        told = interruption.asked_at()
        return self._asked if told is None else told


def _watch(args: TrainingArguments, sources: list[PreemptionSource], farewell: Callable[[], str], ear: _Ear) -> None:
    until = time.monotonic() + _EVERY
    while ear.listen(max(until - time.monotonic(), 0.0)):
        if time.monotonic() < until:
            continue
        until = time.monotonic() + _EVERY
        asked = ear.asked_at()
        if asked is None:
            if any(map(_says_so, sources)):
                interruption.ask()
        elif args.preemption_grace_seconds is not None and time.monotonic() - asked > args.preemption_grace_seconds:
            _end(args, farewell)


def _says_so(source: PreemptionSource) -> bool:
    with suppress(Exception):
        return source()
    return False


def _appears(path: str) -> PreemptionSource:
    """One that was there before is of another time, until it is written anew."""
    before = _written(path)

    def appeared() -> bool:
        now = _written(path)
        return now is not None and now != before

    return appeared


def _written(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def _end(args: TrainingArguments, farewell: Callable[[], str]) -> None:
    """Of a run that does not come to an end by itself: what is saved is whole, whatever it is at."""
    said: list[str] = []
    # A store that does not answer is not waited for.
    looking = threading.Thread(target=lambda: said.append(farewell()), daemon=True)
    looking.start()
    looking.join(_AT_THE_END)
    why = f"it had not ended {args.preemption_grace_seconds:g} s after it was told to (preemption_grace_seconds)"
    os.write(2, f"{why}: {said[0] if said else 'terminated'}\n".encode())
    os._exit(args.preemption_exit_code or TERMINATED)
