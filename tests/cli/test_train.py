"""`trainspec train`: settings of both kinds are loaded, secrets leave the environment, and the run starts."""

import contextlib
import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trainspec.cli import main

CANARY = "canary-9f8e7d6c"

TASK = '''
"""A task that says what it was given and what its children see."""
import subprocess, sys
from pydantic import BaseModel, SecretStr
from trainspec.tasks import TaskError

class Login(BaseModel):
    key: SecretStr | None = None

class Own(BaseModel):
    width: int = 3
    key: SecretStr | None = None
    login: Login = Login()

def task(args, settings: Own):
    show = [sys.executable, "-c", "import os; print(dict(os.environ))"]
    child = subprocess.run(show, capture_output=True, text=True).stdout
    secrets = (args.hub_token, settings.key, settings.login.key)
    given = [secret.get_secret_value() for secret in secrets if secret is not None]
    leaked = any(secret in child for secret in given)
    raise TaskError(f"seed {args.seed} width {settings.width} secrets {len(given)} leaked {leaked}")
'''


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "cli_train_task.py").write_text(TASK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("cli_train_task", None)
    return "cli_train_task:task"


def test_both_kinds_of_settings_reach_the_task(run: Callable, write: Callable, task: str) -> None:
    pytest.importorskip("torch")
    path = write("run.yaml", "seed: 1\ntask: {width: 5}\n")
    assert "seed 1 width 5" in run("train", task, "--config", path).err
    assert "seed 2 width 9" in run("train", "--seed", "2", task, "--config", path, "--task.width=9").err


def test_secrets_reach_the_task_and_no_child_process(run: Callable, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("TRAINSPEC_HUB_TOKEN", CANARY)
    monkeypatch.setenv("TRAINSPEC_TASK__LOGIN__KEY", CANARY + "3")
    monkeypatch.setenv("TRAINSPEC_TASK__KEY", CANARY)
    monkeypatch.setenv("TRAINSPEC_SEED", "7")
    found = run("train", task)
    assert "seed 7 width 3 secrets 3 leaked False" in found.err
    assert CANARY not in found.out + found.err
    assert os.environ["TRAINSPEC_SEED"] == "7"
    assert "TRAINSPEC_HUB_TOKEN" not in os.environ


def test_warnings_are_said_before_the_run(run: Callable, task: str) -> None:
    pytest.importorskip("torch")
    assert "warning[REN101] evaluation_strategy" in run("train", task, "--evaluation_strategy", "no").err


FAULTS: dict[str, tuple[list[str], int, list[str]]] = {
    "a setting": (["digits", "--seed", "x"], 1, ["error[VAL101] seed"]),
    "both kinds": (["digits", "--seed", "x", "--task.width", "0"], 1, ["seed must be", "task.width must be"]),
    "an unknown flag of the task": (["digits", "--task.widht", "1"], 1, ["did you mean --task.width?"]),
    "a stray word": (["digits", "more"], 1, ["error[CLI102]"]),
    "a missing file": (["digits", "--config", "nowhere.yaml"], 2, ["error[SRC105]"]),
    "a model's own validator": (["lm", "--task.heads", "3"], 1, ["error[VAL106]", "not a multiple of heads"]),
}


@pytest.mark.parametrize(("words", "code", "texts"), FAULTS.values(), ids=FAULTS)
def test_nothing_starts_with_a_fault(run: Callable, words: list[str], code: int, texts: list[str]) -> None:
    found = run("train", *words)
    assert (found.code, found.out) == (code, "")
    assert all(text in found.err for text in texts), found.err


def test_a_machine_without_torch_says_what_to_install(run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("trainspec.training.command.train")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    found = run("train", "digits")
    assert found.code == 2
    assert "error[CLI108]" in found.err
    assert "pip install 'trainspec[train]'" in found.err


def command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "trainspec", "train", "digits", "--output_dir", str(folder / "out"), *words]


def test_a_real_run(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    found = subprocess.run(
        command(tmp_path, "--max_steps", "3", "--report_to", "none", "--task.width", "8"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    assert "updates" in found.stdout
    assert (tmp_path / "out" / "model.safetensors").exists()


LONG = ["--max_steps", "1000000", "--save_steps", "20", "--save_total_limit", "1", "--report_to", "none"]


def wait_for_a_checkpoint(folder: Path) -> None:
    deadline = time.monotonic() + 120
    while not list((folder / "out").glob("checkpoint-*/manifest.json")) and time.monotonic() < deadline:
        time.sleep(0.05)


def test_a_run_that_is_interrupted(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    with subprocess.Popen(command(tmp_path, *LONG), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        wait_for_a_checkpoint(tmp_path)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_run_that_is_stopped(tmp_path: Path, number: signal.Signals) -> None:
    pytest.importorskip("torch")
    from tests.survival.processes import TASK as JOB
    from tests.survival.processes import Command, running

    with running(Command(["train", JOB, "--output_dir", "out", *LONG], tmp_path)) as run:
        wait_for_a_checkpoint(tmp_path)
        run.send(number)
        ended = run.join()
    assert ended.code == 143, ended.said
    assert "Traceback" not in ended.said


# Makes what is at stdin the terminal that ends this process when it hangs up.
AT_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_run_whose_terminal_hangs_up_is_stopped_in_order(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    terminal, inside = pty.openpty()
    streams = {"stdin": inside, "stdout": inside, "stderr": inside, "start_new_session": True}
    run = subprocess.Popen([sys.executable, "-c", AT_A_TERMINAL, *command(tmp_path, *LONG)], **streams)  # type: ignore[call-overload]
    os.close(inside)
    threading.Thread(target=_read_all, args=(terminal,), daemon=True).start()
    wait_for_a_checkpoint(tmp_path)
    os.close(terminal)
    try:
        assert run.wait(60) == 143
    finally:
        run.kill()
    # The hang-up may come between a save and the removal of the one before: both are whole then.
    whole = (tmp_path / "out").glob("checkpoint-*/manifest.json")
    assert max(int(manifest.parent.name.removeprefix("checkpoint-")) for manifest in whole) >= 20


def _read_all(terminal: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(terminal, 4096):
            pass


# Stands in for the first library that training imports: it says so, and takes its time.
SLOW = 'import time\nprint("importing", flush=True)\ntime.sleep(60)\n'


AS_FIRST = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]


@pytest.mark.parametrize("prefix", [[], AS_FIRST], ids=["a process of many", "process 1"])
def test_a_run_that_is_stopped_before_it_trains(tmp_path: Path, prefix: list[str]) -> None:
    pytest.importorskip("torch")
    if prefix and (shutil.which("unshare") is None or subprocess.run([*prefix, "true"]).returncode != 0):
        pytest.skip("no process namespaces here")
    (tmp_path / "tqdm.py").write_text(SLOW)
    found_in = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(found_in)}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*prefix, *command(tmp_path)], env=environ, **streams) as run:  # type: ignore[call-overload]
        assert run.stdout.readline() == "importing\n"
        # A signal to unshare would not reach the process that it started.
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split() if prefix else [str(run.pid)]
        os.kill(int(children[0]), signal.SIGTERM)
        _, err = run.communicate(timeout=30)
    assert run.returncode == 143, err
    assert err == "terminated before training began; nothing was written\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.fully_installed
def test_sigterm_is_handled_before_torch_is_imported() -> None:
    script = "import sys, trainspec.cli.train; sys.exit('torch' in sys.modules or 'tqdm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_a_run_that_has_ended_does_not_claim_to_have_written_nothing() -> None:
    script = """
import os, signal
from trainspec.training.interruption import leaving_at_once, terminable
with leaving_at_once():
    with terminable():
        pass
    os.kill(os.getpid(), signal.SIGTERM)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (143, "terminated\n")


def test_the_handler_of_the_process_comes_back() -> None:
    from trainspec.training.interruption import leaving_at_once, terminable

    before = signal.getsignal(signal.SIGTERM)
    with leaving_at_once(), terminable():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("rank", "waits"), [("0", []), ("1", [5.0])])
def test_who_tells_nothing_leaves_after_the_one_that_does(
    rank: str, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A launcher ends all processes once one has ended, and what is wrong would be told by nobody."""
    slept: list[float] = []
    monkeypatch.setattr("trainspec.settings.arguments.speaking.time.sleep", slept.append)
    for name, value in {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    assert main(["train", "digits", "--uneven_inputs", "dropp"]) == 1
    assert slept == waits
