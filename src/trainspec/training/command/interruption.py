"""Ending a run when the system asks for it, as Ctrl-C does.

From the command's first moment SIGTERM has a handler: a process that is the first of its container would not even
notice it otherwise. Until training begins there is nothing to put away, and the process leaves where it stands, since
an exception raised inside an import could be caught by anybody. Then it is an exception, and the run comes to its end.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    Handler = Callable[[int, FrameType | None], None]

# What shells report for a process that a signal ended.
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


class Terminated(BaseException):
    """SIGTERM came. Like KeyboardInterrupt it is no Exception, so that no handler takes it for a fault."""


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """SIGTERM ends the process with exit code 143 and a line that says so, for as long as nothing needs more care."""
    with _handled_by(_leave_untouched):
        yield


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises Terminated in the main thread for as long as the block runs."""
    with _handled_by(_raise):
        yield


@contextmanager
def _handled_by(handler: Handler) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        # A run that has ended has written what it had to.
        signal.signal(signal.SIGTERM, _leave if before is _leave_untouched else before)


def _raise(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _leave_untouched(number: int, frame: FrameType | None) -> None:
    os.write(2, b"terminated before training began; nothing was written\n")
    os._exit(TERMINATED)


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"terminated\n")
    os._exit(TERMINATED)
