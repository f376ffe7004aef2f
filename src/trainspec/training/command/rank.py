"""One process of `trainspec train --nproc`: what surrounds the command's own work in it."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing import connection
from queue import Queue
from typing import TYPE_CHECKING

from tqdm import tqdm

from trainspec.settings.arguments.launch import Launch
from trainspec.training.interruption import INTERRUPTED
from trainspec.training.parallel.contact.ending import Kind, leave_word, say_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def run_rank(entry: Callable[[Sequence[str]], int], words: Sequence[str]) -> None:
    """The command in this process. Leaves by SystemExit, and for the agent its last word."""
    # A Ctrl-C at the terminal reaches the agent alone, which passes it on once.
    with suppress(OSError, AttributeError):
        os.setsid()
    # One that is shared with other processes would outlive a rank that is killed, and Python would complain of it.
    tqdm.set_lock(threading.RLock())
    over: Queue[int] = Queue()
    threading.Thread(target=_end_after_the_agent, args=(over,), daemon=True).start()
    code, done = _ended_by(entry, words)
    if code == 0:
        leave_word("", 0, Kind.DONE)
    # A forked process ends without them: the others would not hear that it leaves, nor trackers that a run is over.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    if code == 0 and not done:
        sys.stderr.flush()
        # torch keeps a process that returns, with its connections, until all have: whoever waits for it must notice.
        os._exit(0)
    over.put(code)
    raise SystemExit(code)


def _end_after_the_agent(over: Queue[int]) -> None:
    """Where the agent is killed, nobody is left who would end this process: it is told to end, as by SIGTERM.

    Once it is `over`, which tells the exit code, it does not listen to that any more: torch has it wait for the agent.
    """
    agent = multiprocessing.parent_process()
    if agent is None:
        return
    connection.wait([agent.sentinel])
    with suppress(OSError):
        if Launch.of_this_process().rank == 0:
            os.write(2, b"the process that started this one was killed: training ends\n")
    os.kill(os.getpid(), signal.SIGTERM)
    os._exit(over.get())


def _ended_by(entry: Callable[[Sequence[str]], int], words: Sequence[str]) -> tuple[int, bool]:
    """The exit code, and whether the command came to its own end: somebody's sys.exit is none."""
    try:
        return entry(words), True
    except KeyboardInterrupt:
        leave_word("interrupted", INTERRUPTED, Kind.ASKED)
        return INTERRUPTED, False
    except SystemExit as error:
        return (error.code if isinstance(error.code, int) else int(error.code is not None)), False
    except Exception as error:
        return say_fault(error, 1), False
