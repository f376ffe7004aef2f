"""Promise: a process that waits for others, which may never come, ends when it is asked to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.training.parallel.contact.launching import free_port, variables
from tests.training.small_job import Line, Rows

from trainspec import TrainingArguments
from trainspec.tasks import TaskParts
from trainspec.training.command.train import run_task

Arguments = Callable[..., TrainingArguments]


def ended(arguments: Arguments, environ: Mapping[str, str], number: int, said: Path, **changes: Any) -> int:
    """The exit code of one of two processes, alone, that is sent a signal where it waits for the other."""
    args = arguments(max_steps=2, **changes)
    child = os.fork()
    if not child:
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)
        os.environ.update(environ)
        # The system ends what nobody else does.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)

        def task(args: TrainingArguments) -> TaskParts:
            threading.Timer(2, os.kill, (os.getpid(), number)).start()
            return TaskParts(Line(), train_dataset=Rows())

        os._exit(run_task(args, task))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("rank", "number", "settings", "code"),
    [
        (0, signal.SIGTERM, {}, 143),
        (1, signal.SIGTERM, {"preemption_exit_code": 85}, 85),
        (0, signal.SIGINT, {}, 130),
    ],
)
def test_a_process_that_waits_for_others_ends_when_it_is_asked_to(
    arguments: Arguments, tmp_path: Path, rank: int, number: int, settings: dict[str, Any], code: int
) -> None:
    began, said = time.monotonic(), tmp_path / "said"
    assert ended(arguments, variables(rank, 2, free_port()), number, said, **settings) == code
    what = "interrupted" if number == signal.SIGINT else "terminated"
    assert f"{what} before training began, while the other processes were waited for" in said.read_text()
    assert "Traceback" not in said.read_text() and time.monotonic() - began < 50


OVER = """
import multiprocessing, os, time
from trainspec.training.command.rank import run_rank
from trainspec.training.interruption import leave_with, leaving_at_once

def entry(words):
    with leaving_at_once(is_all=True):
        leave_with(0)
    return 0

def rank():
    try:
        run_rank(entry, [])
    except SystemExit:
        print(os.getpid(), flush=True)
    # As torch, which waits for the agent to have read what a rank returned.
    time.sleep(600)

process = multiprocessing.get_context("fork").Process(target=rank)
process.start()
process.join()
"""


def test_a_rank_whose_run_is_over_does_not_outlive_a_killed_agent() -> None:
    with subprocess.Popen([sys.executable, "-c", OVER], stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        rank = int(agent.stdout.readline())
        agent.kill()
        # Its end of the pipe closes with it.
        try:
            assert agent.communicate(timeout=60)[0] == ""
        except subprocess.TimeoutExpired:
            os.kill(rank, signal.SIGKILL)
            raise
