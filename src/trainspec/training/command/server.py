"""The server that the ranks of `--nproc` are forked from: it imports torch once, while the agent imports it as well.

Nothing here needs torch, so that the server is on its way before anything else is.
"""

from __future__ import annotations

import multiprocessing
import os
import signal

# Held back from the server, which must outlive the ranks; a rank lets them in.
_NAMES = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
_HELD = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
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
    from multiprocessing import forkserver, resource_tracker

    # It lets SIGTERM in when it starts, whoever had blocked it.
    resource_tracker.ensure_running()
    multiprocessing.set_forkserver_preload(_PRELOADED)
    # What is blocked here stays so in the server: a signal to all processes of a job must not end it before the ranks.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)


def let_signals_in() -> None:
    """In a rank: those that came since it began are heard now."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)
