"""One process of `trainspec train --nproc`: what surrounds the command's own work in it."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from trainspec.training.interruption import INTERRUPTED
from trainspec.training.parallel.contact.ending import Kind, leave_word, say_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def run_rank(entry: Callable[[Sequence[str]], int], words: Sequence[str]) -> None:
    """The command in this process. Leaves by SystemExit, and for the agent its last word."""
    # A Ctrl-C at the terminal reaches the agent alone, which passes it on once.
    with suppress(OSError, AttributeError):
        os.setsid()
    code = _ended_by(entry, words)
    if code == 0:
        leave_word("", 0, Kind.DONE)
    # A forked process ends without them: the others would not hear that it leaves, nor trackers that a run is over.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    raise SystemExit(code)


def _ended_by(entry: Callable[[Sequence[str]], int], words: Sequence[str]) -> int:
    try:
        return entry(words)
    except KeyboardInterrupt:
        leave_word("interrupted", INTERRUPTED, Kind.ASKED)
        return INTERRUPTED
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except Exception as error:
        return say_fault(error, 1)
