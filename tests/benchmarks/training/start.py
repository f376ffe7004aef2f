"""From the start of a process to its first finished step, on the digits task."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.timing import Row, best_process_work, environment

SCRIPTS = Path(__file__).parent


def start_row(rounds: int = 8) -> Row:
    """Whole processes, so that leaving is in it on both sides; the best of several, when all files are in memory and
    compiled. Nearly all of it is the import of torch, of what torch imports for an optimizer, and, in the bare script
    as people write it, of scikit-learn, out of whose files the task reads the images without importing it.
    """
    with TemporaryDirectory() as folder:
        commands = (
            (sys.executable, str(SCRIPTS / "start_trainspec.py"), folder),
            (sys.executable, str(SCRIPTS / "start_bare.py")),
        )
        ours, bare = best_process_work(commands, rounds, environment())
    return Row("first step of the digits task, whole process", f"{ours:.2f} s", f"bare: {bare:.2f} s", ours / bare, 1.2)
