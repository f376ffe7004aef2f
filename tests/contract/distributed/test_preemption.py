"""What a run does that its machine is taken from, by the settings of preemption."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.training.small_job import Line, Rows

from trainspec import TrainingArguments
from trainspec.storage import open_store
from trainspec.tasks import TaskParts
from trainspec.training.callbacks import TrainerCallback
from trainspec.training.checkpoint import list_checkpoints
from trainspec.training.checkpoint.manifest import json_bytes, with_checksum
from trainspec.training.command.train import run_task

Arguments = Callable[..., TrainingArguments]


class At(TrainerCallback):
    """Does something once in an update."""

    def __init__(self, step: int, work: Callable[[], object]) -> None:
        self._step, self._work = step, work

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self._step:
            self._work()


def trained(args: TrainingArguments, step: int, work: Callable[[], object]) -> int:
    return run_task(
        args, lambda args: TaskParts(Line(), train_dataset=Rows(), eval_dataset=Rows(4), callbacks=[At(step, work)])
    )


def ended(arguments: Arguments, step: int, work: Callable[[], object], **changes: Any) -> int:
    """The exit code of a run in a child of its own, which something may end where it is."""
    args = arguments(max_steps=6, save_steps=100, save_strategy="steps", **changes)
    child = os.fork()
    if not child:
        # The system ends what nobody else does.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(40)
        os._exit(trained(args, step, work))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def newest(tmp_path: Path) -> list[int]:
    return [one.step for one in list_checkpoints(open_store(tmp_path / "out"))]


@pytest.mark.parametrize(("said", "code"), [(None, 143), (85, 85)])
def test_preemption_exit_code_is_that_of_a_run_that_saved(
    arguments: Arguments, tmp_path: Path, said: int | None, code: int
) -> None:
    assert trained(arguments(max_steps=6, preemption_exit_code=said), 3, terminate) == code
    assert newest(tmp_path) == []
    assert trained(arguments(max_steps=6, save_strategy="steps", preemption_exit_code=said), 3, terminate) == code
    assert newest(tmp_path) == [4]


def hang() -> None:
    """As in a kernel: nothing that is raised ends it."""
    terminate_soon = time.monotonic() + 0.1
    sent = False
    while True:
        try:
            time.sleep(0.02)
            if not sent and time.monotonic() > terminate_soon:
                sent = True
                terminate()
        except BaseException:
            continue


def hang_in_native_code() -> None:
    """Where no handler in Python ever runs: a lock that nobody gives back."""
    system, lock = ctypes.CDLL(None), ctypes.create_string_buffer(256)
    threading.Timer(0.1, terminate).start()
    for _ in range(2):
        system.pthread_mutex_lock(lock)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("hangs", [hang, hang_in_native_code])
def test_preemption_grace_seconds_ends_what_does_not_end(
    arguments: Arguments, tmp_path: Path, capfd: pytest.CaptureFixture[str], hangs: Callable[[], None]
) -> None:
    code = ended(arguments, 3, hangs, preemption_grace_seconds=1.0)
    said = capfd.readouterr().err
    assert code == 143
    assert "it had not ended 1 s after it was told to (preemption_grace_seconds): terminated; no checkpoint" in said


def test_preemption_grace_seconds_is_for_a_run_that_was_told_to_end(arguments: Arguments) -> None:
    assert ended(arguments, 3, lambda: time.sleep(1.5), preemption_grace_seconds=0.5) == 0


@pytest.mark.timeout(60)
@pytest.mark.parametrize("was_there", [False, True])
def test_preemption_file_means_the_same_as_a_signal(arguments: Arguments, tmp_path: Path, was_there: bool) -> None:
    file = tmp_path / "preempted"
    if was_there:
        file.touch()
        os.utime(file, (1, 1))

    def announce() -> None:
        file.touch()
        # Long enough for a look; the signal cuts it short.
        time.sleep(30)

    assert ended(arguments, 3, announce, preemption_file=str(file)) == 143
    assert newest(tmp_path) == [3]


def test_preemption_file_of_another_time_means_nothing(arguments: Arguments, tmp_path: Path) -> None:
    file = tmp_path / "preempted"
    file.touch()
    assert ended(arguments, 3, lambda: time.sleep(1.5), preemption_file=str(file)) == 0


@pytest.mark.parametrize(("grace", "told"), [(1e-6, 1), (600.0, 0), (None, 0)])
def test_preemption_grace_seconds_that_a_save_exceeds_is_told_once(
    arguments: Arguments, capfd: pytest.CaptureFixture[str], grace: float | None, told: int
) -> None:
    args = arguments(max_steps=4, save_steps=2, save_strategy="steps", preemption_grace_seconds=grace)
    assert trained(args, -1, lambda: None) == 0
    said = "saving a checkpoint took longer than preemption_grace_seconds"
    assert capfd.readouterr().err.count(said) == told


@pytest.mark.parametrize(("grace", "told"), [(20.0, 1), (60.0, 0), (None, 0)])
def test_preemption_grace_seconds_that_the_last_save_exceeded_is_told_when_the_next_run_begins(
    arguments: Arguments, tmp_path: Path, capfd: pytest.CaptureFixture[str], grace: float | None, told: int
) -> None:
    saving = {"save_steps": 2, "save_strategy": "steps"}
    assert trained(arguments(max_steps=2, **saving), -1, lambda: None) == 0
    path = tmp_path / "out" / "checkpoint-2" / "manifest.json"
    manifest = json.loads(path.read_text())
    assert 0 < manifest["metadata"]["save_runtime"] < 20
    manifest["metadata"]["save_runtime"] = 30.0
    path.write_bytes(json_bytes(with_checksum(manifest)))
    args = arguments(max_steps=4, **saving, preemption_grace_seconds=grace, resume_from_checkpoint="latest")
    assert trained(args, -1, lambda: None) == 0
    said = capfd.readouterr().err
    assert said.count("saving a checkpoint took longer than preemption_grace_seconds (20)") == told
    assert said.count("longer than") == told
