"""Ending a run when the system asks for it, as Ctrl-C does: by SIGTERM, or by SIGHUP, which means the same here.

From the command's first moment SIGTERM has a handler: a process that is the first of its container would not even
notice it otherwise. Until training begins there is nothing to put away, and the process leaves where it stands, since
an exception raised inside an import could be caught by anybody. Then it is an exception, and the run comes to its end.

Where several processes train together, none may leave alone: the others would wait for it in the middle of an update.
There a signal is only noted, the processes agree on it after the update, and all of them end at the same place.

An update that is under way is finished first, with its random draws: a run that goes on repeats nothing of it. One that
lasts is broken off, unless its weights are being changed.

SIGUSR1 and SIGUSR2, which schedulers send ahead of a time limit, mean the same where nobody else handles them. Where
SIGHUP is ignored, as under nohup, it stays so. What asks again changes nothing: a run saves before it ends, and
launchers and schedulers repeat themselves. A second Ctrl-C alone is from somebody who does not want to wait for that.
"""

from __future__ import annotations

import _thread
import atexit
import os
import signal
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


# Seconds that an update may still take.
PATIENCE = 5.0
# Seconds after which what was raised, and nobody has met, is lost somewhere: whoever asks again is heard.
_UNHEARD = 1.0


class Holding(Enum):
    """How much harm it would do to raise something now."""

    NOT, WAITING, CHANGING = range(3)


@dataclass
class _Heard:
    """`holding`: in an update nothing is raised, for half of one is worth nothing. `held`: what came then, to be raised
    after it, or before its weights change once it has been waited for, for `patience` seconds. `since`: when the first
    signal came, by time.monotonic(). `raised`: what was, until the run has met it. `interrupts`: how many times Ctrl-C
    came. `code`: what the process ends with, once all is said.
    """

    holding: Holding = Holding.NOT
    held: list[type[BaseException]] = field(default_factory=list)
    patience: float = PATIENCE
    waited: bool = False
    since: float | None = None
    raised: type[BaseException] | None = None
    interrupts: int = 0
    code: int | None = None


_heard = _Heard()


def ask() -> None:
    """What SIGTERM means, from any thread: the run ends after its update. For a notice that is no signal.

    A process whose main thread trains is sent the signal, which finds it wherever it is. Elsewhere, as in a worker of
    Ray, no handler of ours is there, and the system would end the process at once: the notice waits for the update.
    """
    if getattr(signal.getsignal(signal.SIGTERM), "__module__", None) == __name__:
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        _note_time()
        _noted.append(Terminated)


def is_noted() -> bool:
    """Whether a signal waits for the end of an update, and for the processes to agree on it."""
    return bool(_noted or _heard.held)


def end() -> None:
    """Raise what was noted here: KeyboardInterrupt, or Terminated, which is also what other processes' signals mean."""
    raise (_noted or _heard.held or [Terminated])[0]


def asked_at() -> float | None:
    """When the first signal came to end this run, by time.monotonic(); None where none has."""
    return _heard.since


def wait() -> None:
    """From here on an update is made, from its rows to its log: what a signal raises waits for its end, or a while."""
    _heard.holding = Holding.WAITING


def hold() -> None:
    """From here on weights change, or are saved: what a signal raises waits, whatever that takes."""
    _heard.holding = Holding.CHANGING


def let_go() -> None:
    """An update is done. Raises what came meanwhile, or was raised where somebody's code made nothing of it."""
    _heard.holding = Holding.NOT
    if _heard.held:
        _heard.raised = _heard.held[-1]
        _heard.held.clear()
    if _heard.raised is not None:
        raise _heard.raised


def is_met() -> None:
    """An update broke off, and with it the run: what it broke off by is raised no more."""
    _heard.holding, _heard.raised, _heard.waited = Holding.NOT, None, False
    _heard.held.clear()


def leave_with(code: int) -> None:
    """All is said and done: whatever asks from now on until this process is gone ends it with this exit code."""
    _heard.code = code


@contextmanager
def leaving_at_once(*, is_all: bool = False) -> Iterator[None]:
    """A signal ends the process with exit code 143 and a line that says so, for as long as nothing needs more care.

    `is_all`: the block is all that this process does. Once it has come to an exit code, which `leave_with` tells, every
    signal ends the process with that code, and at the very end, when Python takes itself apart, changes nothing.
    """
    asking = asking_to_end()
    if is_all:
        # Of what is called at the exit the first that is registered comes last.
        atexit.register(_ignore, *asking, signal.SIGINT)
    if not can_be_noted():
        yield
        return
    before = {number: signal.signal(number, _leave_untouched) for number in asking}
    try:
        yield
    finally:
        if is_all and _heard.code is not None:
            before = dict.fromkeys((*asking, signal.SIGINT), _leave)
        for number, own in before.items():
            signal.signal(number, after_training(own))


def _ignore(*numbers: signal.Signals) -> None:
    if _heard.code is not None and can_be_noted():
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def terminable(*, together: bool = False, patience: float = PATIENCE) -> Iterator[None]:
    """A signal raises Terminated in the main thread for as long as the block runs, after `patience` seconds in the
    middle of an update.

    `together` with other processes, it is noted until they agree on it, and so is the first Ctrl-C; a second is one too
    many for whoever waits at the terminal, and raises.
    """
    with ExitStack() as handled:
        # What was noted for this run must not end the next.
        handled.callback(_noted.clear)
        handled.callback(is_met)
        handled.callback(setattr, _heard, "since", None)
        # Nor must what a run of a script noted, which was none of this kind.
        _noted.clear()
        is_met()
        _forget()
        _heard.patience = patience
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
    since = _heard.since

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
        # It comes anew: as one that is told again it would change nothing.
        _heard.since = since
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
    if handler is signal.SIG_DFL:
        return not _is_caught(number)
    return getattr(handler, "__module__", None) == __name__


def _is_caught(number: signal.Signals) -> bool:
    """Whether the system knows a handler of which Python knows nothing, as faulthandler.register sets them."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        caught = next(line for line in lines if line.startswith("SigCgt:"))
        return bool(int(caught.split()[1], 16) >> (number - 1) & 1)
    return False


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
            signal.signal(number, after_training(own))


def after_training(handler: Any) -> Any:
    """What takes a handler's place that was there before training: a run that has ended has written what it had to."""
    return _leave if handler is _leave_untouched else handler


def _note_time() -> None:
    if _heard.since is None:
        _heard.since = time.monotonic()


def _forget() -> None:
    _heard.since, _heard.interrupts, _heard.code = None, 0, None


def _raise(number: int, frame: FrameType | None) -> None:
    leave_dead_terminal()
    if _heard.since is None:
        _break_off(Terminated)
    elif _heard.waited and _heard.held and _heard.holding is not Holding.CHANGING:
        let_go()
    elif _heard.raised is not None and _heard.holding is Holding.NOT and time.monotonic() - _heard.since > _UNHEARD:
        raise _heard.raised


def _interrupt(number: int, frame: FrameType | None) -> None:
    _heard.interrupts += 1
    if _heard.interrupts > 1:
        raise KeyboardInterrupt
    if _heard.since is None:
        _break_off(KeyboardInterrupt)


def _break_off(by: type[BaseException]) -> None:
    _note_time()
    if _heard.holding is Holding.NOT:
        _heard.raised = by
        raise by
    _heard.held.append(by)
    if _heard.holding is Holding.WAITING:
        # No threading.Thread: it takes locks, and the main thread may have them where the signal met it.
        _thread.start_new_thread(_insist, (_heard.patience, _heard.since))


def _insist(after: float, since: float | None) -> None:
    """Have the main thread look again, unless the run that was asked to end then has ended."""
    time.sleep(after)
    if not _heard.held or _heard.since != since:
        return
    _heard.waited = True
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, signal.SIGTERM)
    else:
        _thread.interrupt_main(signal.SIGTERM)


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
    if _heard.code is None:
        os.write(2, b"terminated\n")
    # In the middle of a write Python refuses it.
    with suppress(Exception):
        sys.stdout.flush()
    os._exit(TERMINATED if _heard.code is None else _heard.code)
