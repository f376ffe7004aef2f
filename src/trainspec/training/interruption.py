"""Ending a run when the system asks for it, as Ctrl-C does: by SIGTERM, or by SIGHUP, which means the same here.

From the command's first moment SIGTERM has a handler: a process that is the first of its container would not even
notice it otherwise. Until training begins there is nothing to put away, and the process leaves where it stands, since
an exception raised inside an import could be caught by anybody. Then it is an exception, and the run comes to its end.

Where several processes train together, none may leave alone: the others would wait for it in the middle of an update.
There a signal is only noted, the processes agree on it after the update, and all of them end at the same place.

SIGUSR1 and SIGUSR2, which schedulers send ahead of a time limit, mean the same where nobody else handles them. Where
SIGHUP is ignored, as under nohup, it stays so.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    Handler = Callable[[int, FrameType | None], None]

# What shells report for a process that a signal ended.
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


class Terminated(SystemExit):
    """SIGTERM or SIGHUP came. Like KeyboardInterrupt it is no Exception, so that no handler takes it for a fault.

    A script that it leaves ends without a traceback, with the exit code of a process that SIGTERM ended.
    """

    def __init__(self) -> None:
        super().__init__(TERMINATED)


# Signals come to a process, not to a run: what was noted of them is the process's, too.
_noted: list[type[BaseException]] = []


class _Heard:
    """`holding`: while weights change nothing is raised, for half an update is worth nothing. `held`: what came then.
    `since`: when the first signal came, by time.monotonic().
    """

    holding = False
    held: ClassVar[list[type[BaseException]]] = []
    since: float | None = None


_heard = _Heard()


def is_noted() -> bool:
    """Whether a signal waits for the processes to agree on it."""
    return bool(_noted)


def end() -> None:
    """Raise what was noted here: KeyboardInterrupt, or Terminated, which is also what other processes' signals mean."""
    raise _noted[0] if _noted else Terminated


def asked_at() -> float | None:
    """When the first signal came to end this run, by time.monotonic(); None where none has."""
    return _heard.since


def hold() -> None:
    """From here on weights change: what a signal raises waits for `let_go`."""
    _heard.holding = True


def let_go() -> None:
    """Weights are whole again. Raises what came meanwhile."""
    _heard.holding = False
    if _heard.held:
        came = _heard.held[-1]
        _heard.held.clear()
        raise came


def forget_held() -> None:
    """An update broke off, and with it the run."""
    _heard.holding = False
    _heard.held.clear()


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """A signal ends the process with exit code 143 and a line that says so, for as long as nothing needs more care."""
    with _handled_by(_leave_untouched, *asking_to_end()):
        yield


@contextmanager
def terminable(*, together: bool = False) -> Iterator[None]:
    """A signal raises Terminated in the main thread for as long as the block runs.

    `together` with other processes, it is noted until they agree on it, and so is the first Ctrl-C; a second is one too
    many for whoever waits at the terminal, and raises.
    """
    with ExitStack() as handled:
        # What was noted for this run must not end the next.
        handled.callback(_noted.clear)
        handled.callback(forget_held)
        handled.callback(setattr, _heard, "since", None)
        handled.enter_context(_handled_by(_note_termination if together else _raise, *asking_to_end()))
        if together:
            handled.enter_context(_handled_by(_note_interrupt, signal.SIGINT))
        elif signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            handled.enter_context(_handled_by(_interrupt, signal.SIGINT))
        yield


@contextmanager
def noting() -> Iterator[None]:
    """A signal is noted for as long as the block runs, for whoever asks `is_noted` between updates.

    One that came too late for that is delivered again, when the signal means what it did before.
    """
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        _note_termination(number, frame)

    try:
        with _handled_by(note, *asking_to_end()):
            yield
    except BaseException:
        _noted.clear()
        raise
    if _noted:
        _noted.clear()
        signal.raise_signal(came[0] if came else signal.SIGTERM)


def can_be_noted() -> bool:
    """Whether this is the thread that hears of signals."""
    return threading.current_thread() is threading.main_thread()


def asking_to_end() -> tuple[signal.Signals, ...]:
    """The signals by which the system, or a scheduler, asks this process to end."""
    others = [getattr(signal, name) for name in ("SIGHUP", "SIGUSR1", "SIGUSR2") if hasattr(signal, name)]
    return signal.SIGTERM, *(number for number in others if _is_free(number))


def _is_free(number: signal.Signals) -> bool:
    """Whether nobody else has a use for it."""
    handler = signal.getsignal(number)
    if number == getattr(signal, "SIGHUP", None):
        return handler is not signal.SIG_IGN
    return handler is signal.SIG_DFL or getattr(handler, "__module__", None) == __name__


@contextmanager
def _handled_by(handler: Handler, *numbers: signal.Signals) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, own in before.items():
            # A run that has ended has written what it had to.
            signal.signal(number, _leave if own is _leave_untouched else own)


def _note_time() -> None:
    if _heard.since is None:
        _heard.since = time.monotonic()


def _raise(number: int, frame: FrameType | None) -> None:
    leave_dead_terminal()
    _note_time()
    if _heard.holding:
        _heard.held.append(Terminated)
        return
    raise Terminated


def _interrupt(number: int, frame: FrameType | None) -> None:
    _note_time()
    if _heard.holding and KeyboardInterrupt not in _heard.held:
        _heard.held.append(KeyboardInterrupt)
        return
    raise KeyboardInterrupt


def leave_dead_terminal() -> None:
    """A terminal that has hung up refuses every word: a run must not break at that while it saves."""
    for stream in (1, 2):
        try:
            # Of no bytes a terminal alone says that it is gone.
            os.write(stream, b"")
        except OSError:
            with suppress(OSError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream)
                os.close(nowhere)


def _note_termination(number: int, frame: FrameType | None) -> None:
    leave_dead_terminal()
    _note_time()
    # Again and again the same: launchers send it to a group, and each of its members passes it on.
    _noted.append(Terminated)


def _note_interrupt(number: int, frame: FrameType | None) -> None:
    _note_time()
    if KeyboardInterrupt in _noted:
        raise KeyboardInterrupt
    _noted.append(KeyboardInterrupt)


def _leave_untouched(number: int, frame: FrameType | None) -> None:
    leave_dead_terminal()
    os.write(2, b"terminated before training began; nothing was written\n")
    os._exit(TERMINATED)


def _leave(number: int, frame: FrameType | None) -> None:
    leave_dead_terminal()
    os.write(2, b"terminated\n")
    os._exit(TERMINATED)
