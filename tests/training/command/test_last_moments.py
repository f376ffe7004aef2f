"""Promise: a signal that comes when a command has done its work changes neither its exit code nor what it said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# What is called at the exit, before and after torch's own, and what Python still takes apart then.
_TASK = """
import atexit, os, signal, sys
from tests.survival.job import Pace, task as job

class Late:
    def __init__(self, number):
        self.number, self.kill = number, os.kill
    def __del__(self):
        self.kill(os.getpid(), self.number)

def task(args, pace: Pace):
    when, number = os.environ["WHEN"], int(os.environ["NUMBER"])
    if when == "at the exit":
        atexit.register(os.kill, os.getpid(), number)
    elif when == "at the very end":
        sys.modules["late"] = Late(number)
    return job(args, pace)
"""


CASES = [(when, name) for when in ("at the very end", "at the exit") for name in ("SIGTERM", "SIGINT")]


@pytest.mark.timeout(300)
# Each is a process that imports everything.
@pytest.mark.parametrize(("when", "name"), CASES if os.environ.get("TEST_SURVIVAL") else CASES[:1])
def test_a_signal_in_the_last_moments_changes_nothing(tmp_path: Path, when: str, name: str) -> None:
    (tmp_path / "late_task.py").write_text(_TASK)
    root = Path(__file__).parents[3]
    path = os.pathsep.join(map(str, (tmp_path, root / "src", root)))
    number = str(int(getattr(signal, name)))
    environ = {**os.environ, "PYTHONPATH": path, "WHEN": when, "NUMBER": number, "OMP_NUM_THREADS": "1"}
    words = ["--max_steps", "2", "--save_strategy", "no", "--report_to", "none", "--use_cpu", "true", "--output_dir"]
    done = subprocess.run(
        [sys.executable, "-m", "trainspec", "train", "late_task:task", *words, "out"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "updates" in done.stdout and "model" in done.stdout
    assert "Traceback" not in done.stderr and "terminated" not in done.stderr
