"""The server that the ranks of `--nproc` are forked from: it imports torch once, while the agent imports it as well.

Nothing here needs torch, so that the server is on its way before anything else is.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys

from trainspec.storage.pieces.sockets import keep_addresses_short

# Held back from the server, which must outlive the ranks; a rank lets them in.
_NAMES = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
_HELD = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
# By which its words begin.
_TIDIES = "ignore:resource_tracker"
_PRELOADED = ["torch", "trainspec.training.command.train"]


def start_method() -> str:
    """That of the ranks: a system without such servers starts each by itself."""
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def start_server(ranks: int) -> None:
    """For so many ranks, which share the cores of this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // ranks)))
    if start_method() != "forkserver":
        return
    from multiprocessing import forkserver

    # It lets SIGTERM in when it starts, whoever had blocked it.
    _track_resources()
    keep_addresses_short()
    multiprocessing.set_forkserver_preload(_PRELOADED)
    # What is blocked here stays so in the server: a signal to all processes of a job must not end it before the ranks.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)


def _track_resources() -> None:
    """Start the process that deletes what killed ones leave, without a word: there is nothing anybody could do."""
    from multiprocessing import resource_tracker

    # It takes them over from the interpreter that starts it.
    sys.warnoptions.append(_TIDIES)
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove(_TIDIES)


def let_signals_in() -> None:
    """In a rank: those that came since it began are heard now."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)
