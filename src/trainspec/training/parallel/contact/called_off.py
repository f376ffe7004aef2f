"""A signal that comes while this process waits for the others to join it: nothing is trained, and nobody is met."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from trainspec.training import interruption
from trainspec.training.interruption import INTERRUPTED
from trainspec.training.parallel.contact.ending import Kind, leave_word


@contextmanager
def called_off_by_signals(terminated: int) -> Iterator[None]:
    """Inside, a signal that a handler of ours would note ends the process: with the exit code `terminated`, or 130.

    Who joins others waits in native code, for as long as they may take to come, and no handler in Python runs until it
    returns. A thread hears of the signal instead.
    """
    ours = getattr(signal.getsignal(signal.SIGTERM), "__module__", None) == interruption.__name__
    if not ours or not interruption.can_be_noted():
        yield
        return
    asking = {int(number) for number in interruption.asking_to_end()}
    heard, said = socket.socketpair()
    said.setblocking(False)
    before = signal.set_wakeup_fd(said.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(target=_listen, args=(heard, asking, terminated), name="trainspec joins", daemon=True)
    thread.start()
    try:
        # One that came before has been noted, and nobody would hear of it.
        if interruption.is_noted():
            interruption.end()
        yield
    finally:
        signal.set_wakeup_fd(before)
        with suppress(OSError):
            said.send(b"\0")
        thread.join()
        heard.close()
        said.close()


def _listen(heard: socket.socket, asking: set[int], terminated: int) -> None:
    while True:
        numbers = set(heard.recv(4096))
        if numbers & asking:
            _leave("terminated", terminated)
        if int(signal.SIGINT) in numbers:
            _leave("interrupted", INTERRUPTED)
        if 0 in numbers:
            return


def _leave(what: str, code: int) -> None:
    interruption.leave_dead_terminal()
    said = f"{what} before training began, while the other processes were waited for; nothing was written"
    leave_word(said, code, Kind.ASKED)
    with suppress(Exception):
        sys.stdout.flush()
    os.write(2, f"{said}\n".encode())
    os._exit(code)
