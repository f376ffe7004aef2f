"""`trainspec train --nproc`: processes that really start, break, are told to end, and start again."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.training.parallel.contact.launching import ROOT, free_port

from trainspec.storage import open_store
from trainspec.training.checkpoint import newest_valid

TASK = "tests.training.command.breaking:task"
QUIET = ("--report_to", "none", "--do_eval", "false", "--logging_steps", "1000")
LAUNCHER = re.compile(r"RANK|WORLD_SIZE|MASTER_|TORCHELASTIC|SLURM|PET_|OMP_")


class Ended(NamedTuple):
    code: int
    out: str
    errors: str
    seconds: float


def clean() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if not LAUNCHER.search(name)}


@contextlib.contextmanager
def started(folder: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "trainspec", "train", TASK, "--output_dir", str(folder / "out"), *QUIET]
    process = subprocess.Popen(
        [*command, "--nproc", "2", "--log-dir", str(folder / "ranks"), *words],
        cwd=ROOT,
        env=clean(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ran(folder: Path, *words: str) -> Ended:
    began = time.monotonic()
    with started(folder, *words) as process:
        out, errors = process.communicate(timeout=120)
    return Ended(process.returncode, out, errors, time.monotonic() - began)


def test_two_processes_train_and_one_tells(tmp_path: Path) -> None:
    ended = ran(tmp_path, "--max_steps", "5", "--evaluation_strategy", "no", "--save_strategy", "no")
    assert ended.code == 0, ended.errors
    assert ended.out.count("updates") == 1 and "5 in 1.25 epochs" in ended.out
    assert ended.errors.count("REN101") == 1 and "2 processes; 16 rows an update" in ended.errors
    assert f"2 processes; what all but the first print is in {tmp_path / 'ranks'}\n" in ended.errors
    assert "  strategy      DDP\n" in ended.errors
    (other,) = (tmp_path / "ranks").rglob("stderr.log")
    assert other.parent.name == "1" and "training begins" not in other.read_text()
    assert (tmp_path / "out" / "model.safetensors").exists()


def _long(*row: Any) -> Any:
    return pytest.param(*row, id=str(row[0]), marks=pytest.mark.long_distributed)


BREAKS = [
    pytest.param("raise", 1, [r"rank 1: Traceback .*\n", r"\nZeroDivisionError: mine\n"], id="raise"),
    _long("kill", 137, [r"\nrank 1 was ended by SIGKILL .*; what it printed is in .*ranks.*/1\n"]),
    _long("exit", 7, [r"\nrank 1 ended with exit code 7, without a word"]),
    _long("orphan", 2, [r"\nrank \d has ended, and how is not known"]),
    pytest.param(
        "sleep", 2, [r"\nrank 0: update 3 failed\. Nothing is heard of rank 1 within 2 s \(ddp_timeout\)\."], id="sleep"
    ),
    _long("leave", 2, [r"\nrank 0: update 3 failed\. Nothing is heard of rank 1\. "]),
    _long("lack", 1, [r"rank 1: Traceback .*\n", r"\nFileNotFoundError: rows\.bin"]),
]


@pytest.mark.parametrize("what, code, told", BREAKS)
def test_what_breaks_is_told_once_with_its_rank(tmp_path: Path, what: str, code: int, told: list[str]) -> None:
    limit = "2" if what == "sleep" else "60"
    ended = ran(tmp_path, "--max_steps", "5", "--save_strategy", "no", "--ddp_timeout", limit, "--task.what", what)
    assert ended.code == code, ended.errors
    assert all(re.search(pattern, ended.errors) for pattern in told), ended.errors
    assert ended.errors.count("Traceback") == ("Traceback" in told[0])
    assert len(re.findall(r"^rank ", ended.errors, re.MULTILINE)) == 1 and ended.out == ""
    # Nobody has ended, and the number of the update is said once.
    if what == "sleep":
        assert "another process ended" not in ended.errors and len(re.findall(r"update \d", ended.errors)) == 1


def test_a_task_that_one_process_cannot_import_is_a_diagnostic(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trainspec", "train", "broken:task", "--nproc", "2", "--max-restarts", "2"]
    (tmp_path / "broken.py").write_text(
        'import os, time\nassert os.environ.get("RANK") != "1", "not here"\ndef task(args): time.sleep(600)\n'
    )
    found = subprocess.run(command, cwd=tmp_path, env=clean(), capture_output=True, text=True, timeout=120)
    told = "rank 1: error[CLI105] task 'broken:task': importing 'broken' failed with AssertionError: not here"
    assert found.returncode == 2 and told in found.stderr, found.stderr
    assert "Traceback" not in found.stderr and "start again" not in found.stderr


def test_a_reader_that_has_gone_is_no_fault_of_the_run(tmp_path: Path) -> None:
    with started(tmp_path, "--max_steps", "2", "--max-restarts", "1") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(timeout=120) == 141, errors
    assert "Traceback" not in errors and "start again" not in errors and errors.count("training begins") == 1
    assert (tmp_path / "out" / "model.safetensors").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="what is always full is there on Linux alone")
@pytest.mark.parametrize("more", [(), pytest.param(("--nproc", "2"), marks=pytest.mark.long_distributed)])
def test_a_summary_that_cannot_be_written_is_no_fault_of_the_run(tmp_path: Path, more: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "trainspec", "train", TASK, "--output_dir", str(tmp_path / "out"), *QUIET]
    with Path("/dev/full").open("w") as full:
        found = subprocess.run(
            [*command, "--max_steps", "2", *more], cwd=ROOT, env=clean(), stdout=full, stderr=subprocess.PIPE, text=True
        )
    told = "error: the run is done, but its summary cannot be written to stdout: No space left on device\n"
    assert found.returncode == 2 and found.stderr.endswith(told) and "Traceback" not in found.stderr
    assert (tmp_path / "out" / "model.safetensors").exists()


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + 90
    while not path.exists():
        assert process.poll() is None and time.monotonic() < until, process.communicate()
        time.sleep(0.05)


SIGNALS = [
    (["SIGINT"], "interrupted; "),
    (["SIGINT", "SIGINT"], "interrupted twice: all processes were ended at once; no checkpoint had been written"),
    (["SIGTERM", "SIGINT", "SIGINT"], "interrupted twice: all processes were ended at once; no checkpoint"),
]


def told_to_end(folder: Path, signals: list[str], *words: str, all_of_them: bool = False) -> Ended:
    begun = folder / "begun"
    words = ("--max_steps", "100000", "--task.begun", str(begun), "--task.seconds", "0.05", *words)
    with started(folder, *words) as process:
        wait_for(begun, process)
        sent = time.monotonic()
        for name in signals:
            tell = os.killpg if all_of_them else os.kill
            tell(process.pid, getattr(signal, name))
            time.sleep(0.02)
        out, errors = process.communicate(timeout=60)
    return Ended(process.returncode, out, errors, time.monotonic() - sent)


def test_a_termination_is_passed_on_once_and_saves(tmp_path: Path) -> None:
    """Those that load data and the server that ranks are forked from hear it, too, as in a job of a scheduler.

    One Ctrl-C after it is no second one.
    """
    words = ("--enable_jit_checkpoint", "--save_strategy", "no", "--dataloader_num_workers", "1")
    ended = told_to_end(tmp_path, ["SIGTERM", "SIGTERM", "SIGINT"], *words, all_of_them=True)
    assert ended.code == 143, ended.errors
    (found,) = (tmp_path / "out").glob("checkpoint-*/manifest.json")
    assert f"terminated; the newest checkpoint is {found.parent}" in ended.errors
    assert "Traceback" not in ended.errors and ended.seconds < 30


@pytest.mark.long_distributed
@pytest.mark.parametrize("signals, told", SIGNALS, ids=["ctrl-c", "ctrl-c-twice", "both"])
def test_an_interruption_ends_all_and_a_second_one_at_once(tmp_path: Path, signals: list[str], told: str) -> None:
    ended = told_to_end(tmp_path, signals, "--save_strategy", "no")
    assert ended.code == 130, ended.errors
    assert ended.errors.count(told) == ended.errors.count("interrupted") == 1
    assert "Traceback" not in ended.errors and "leaked" not in ended.errors and ended.seconds < 30


@pytest.mark.long_distributed
def test_who_interrupts_twice_hears_of_the_newest_that_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--max_steps", "100000", "--save_steps", "5", "--task.seconds", "0.02")
    with started(tmp_path, *words) as process:
        wait_for(out / "checkpoint-10" / "manifest.json", process)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        _, errors = process.communicate(timeout=60)
    newest = newest_valid(open_store(out))
    assert process.returncode == 130 and newest is not None, errors
    assert f"ended at once; the newest checkpoint is {newest.url}: set resume_from_checkpoint: latest" in errors


def test_processes_end_after_the_one_that_started_them(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    words = ("--max_steps", "100000", "--save_strategy", "no", "--task.begun", str(begun), "--task.seconds", "0.05")
    with started(tmp_path, *words, "--enable_jit_checkpoint") as process:
        wait_for(begun, process)
        process.kill()
        # What the ranks hold of the terminal ends with them.
        _, errors = process.communicate(timeout=60)
    assert errors.count("the process that started this one was killed: training ends\n") == 1
    (found,) = (tmp_path / "out").glob("checkpoint-*/manifest.json")
    assert f"terminated; the newest checkpoint is {found.parent}" in errors and "Traceback" not in errors
    assert "leaked" not in errors


def test_under_nohup_nobody_ends_by_a_hang_up(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    words = ("--max_steps", "40", "--save_strategy", "no", "--task.begun", str(begun), "--task.seconds", "0.05")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with started(tmp_path, *words, "--task.what", "hang_up") as process:
            wait_for(begun, process)
            process.send_signal(signal.SIGHUP)
            out, errors = process.communicate(timeout=90)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.returncode == 0 and "40 in 10 epochs" in out, errors


@pytest.mark.long_distributed
def test_a_signal_before_training_begins(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        assert process.stderr is not None
        assert "2 processes" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert not (tmp_path / "out").exists() and "Traceback" not in errors


@pytest.mark.parametrize(
    "how", [pytest.param("terminate", marks=pytest.mark.long_distributed), pytest.param("hang_up")]
)
def test_one_that_is_told_to_end_ends_all_with_what_was_trained(tmp_path: Path, how: str) -> None:
    words = ("--max_steps", "100000", "--save_strategy", "no", "--task.what", how, "--max-restarts", "2")
    ended = ran(tmp_path, *words, "--enable_jit_checkpoint", "--task.seconds", "0.05")
    assert ended.code == 143, ended.errors
    assert "start again" not in ended.errors, "nobody wants it to"
    (found,) = (tmp_path / "out").glob("checkpoint-*/manifest.json")
    assert found.parent.name in ("checkpoint-3", "checkpoint-4")
    assert "terminated" in ended.errors and "Traceback" not in ended.errors


def test_all_start_again_from_the_newest_checkpoint(tmp_path: Path) -> None:
    words = ("--max_steps", "6", "--save_steps", "2", "--task.what", "kill", "--task.at", "4", "--max-restarts", "1")
    ended = ran(tmp_path, *words)
    assert ended.code == 0, ended.errors
    assert "rank 1 was ended by SIGKILL" in ended.errors and "(restart 1 of 1)" in ended.errors
    assert "6 in 1.5 epochs" in ended.out
    assert (tmp_path / "out" / "checkpoint-6" / "manifest.json").exists()


TRAIN = [sys.executable, "-m", "trainspec", "train", TASK, *QUIET, "--max_steps", "4", "--save_strategy", "no"]


def side_by_side(folder: Path, each: list[dict[str, str]], *words: str) -> list[Ended]:
    began = time.monotonic()
    command, streams = [*TRAIN, "--output_dir", str(folder / "out"), *words], subprocess.PIPE
    running = [
        subprocess.Popen(command, cwd=ROOT, env=clean() | more, stdout=streams, stderr=streams, text=True)
        for more in each
    ]
    try:
        said = [process.communicate(timeout=240) for process in running]
    finally:
        for process in running:
            process.kill()
    return [Ended(p.returncode, *told, time.monotonic() - began) for p, told in zip(running, said, strict=True)]


@pytest.mark.long_distributed
def test_a_command_on_each_of_two_nodes(tmp_path: Path) -> None:
    pods = {"PET_NNODES": "2", "PET_MASTER_ADDR": "127.0.0.1", "PET_MASTER_PORT": str(free_port())}
    first, other = side_by_side(tmp_path, [pods | {"PET_NODE_RANK": node} for node in "01"], "--nproc", "1")
    assert (first.code, other.code) == (0, 0), first.errors + other.errors
    assert "2 processes; 16 rows an update" in first.errors and "4 in 1 epoch" in first.out and other.out == ""


@pytest.mark.long_distributed
def test_tasks_of_srun(tmp_path: Path) -> None:
    step = {"SLURM_JOB_ID": "5", "SLURM_STEP_ID": str(os.getpid()), "SLURM_STEP_NODELIST": "localhost"}
    tasks = [{"SLURM_NTASKS": "2", "SLURM_PROCID": n, "SLURM_LOCALID": n, "SLURM_NODEID": "0"} for n in "01"]
    first, other = side_by_side(tmp_path, [step | task for task in tasks])
    assert (first.code, other.code) == (0, 0), first.errors + other.errors
    assert "4 in 1 epoch" in first.out and other.out == "" and "step " not in other.errors
