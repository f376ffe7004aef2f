"""The command as a whole: help, mistakes, colours, pipes, and what it does not import."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from trainspec import __version__
from trainspec.cli import COMMANDS

ERROR = "save_steps: -3\n"


def process(*words: object, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    command = [sys.executable, "-m", "trainspec", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env={**kept, **environ}, timeout=60)


def test_help_lists_the_commands(run: Callable) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert all(f"  {name}" in out for name in COMMANDS)


def test_version(run: Callable) -> None:
    assert run("--version") == (0, f"trainspec {__version__}\n", "")


def test_no_command_is_a_mistake(run: Callable) -> None:
    code, out, err = run()
    assert (code, out) == (2, "")
    assert err.startswith("usage: trainspec COMMAND")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_has_help(run: Callable, command: str, flag: str) -> None:
    code, out, err = run(command, flag)
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: trainspec {command} ")
    assert "\noptions\n" in out
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_choice(run: Callable, command: str) -> None:
    found = import_module(f"trainspec.cli.{command}").COMMAND
    told = run(command, "--help").out
    assert {choice for option in found.options for choice in option.choices if choice not in told} == set()


MISTAKES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "unknown command": (("trian",), "CLI101", "did you mean train?"),
    "unknown command, nothing near": (("frobnicate",), "CLI101", "the commands are validate"),
    "unknown flag for a command": (("--frobnicate",), "CLI101", "the commands are"),
    "unknown option": (("validate", "--ignore-unknwon", "x.yaml"), "SRC103", "did you mean --ignore-unknown?"),
    "option without its value": (("validate", "x.yaml", "--at"), "SRC112", "write --at VALUE"),
    "wrong format": (("validate", "--format", "xml", "x.yaml"), "CLI103", ""),
    "no file": (("validate",), "CLI102", "trainspec validate run.yaml"),
    "no number": (("plan", "--rows", "many"), "CLI103", ""),
    "a negative number": (("plan", "--rows", "-5"), "CLI103", ""),
    "no devices": (("plan", "--rows", "5", "--devices", "0"), "CLI103", ""),
    "unknown code": (("rule", "PRE1O1"), "CLI104", "did you mean PRE101?"),
    "unknown rule": (("rule", "bf16-and-fp16"), "CLI104", "did you mean bf16-with-fp16?"),
    "unknown setting to explain": (("explain", "learnig_rate"), "CLI104", "did you mean learning_rate?"),
    "unknown key to explain": (
        ("explain", "fsdp_config.min_params"),
        "CLI104",
        "did you mean fsdp_config.min_num_params?",
    ),
    "removed setting to explain": (("explain", "mp_parameters"), "CLI104", "use parallelism_config"),
    "one file to compare": (("diff", "a.yaml"), "CLI102", "trainspec diff A.yaml B.yaml"),
    "no task": (("train",), "CLI102", "trainspec train digits"),
    "unknown task": (("train", "digist"), "CLI105", ""),
    "unknown module of a task": (("train", "no_such_module:task"), "CLI105", ""),
    "unknown model": (("validate", "--model", "no_such_module:Model", "x.yaml"), "CLI106", ""),
    "no model": (("validate", "--model", "json:loads", "x.yaml"), "CLI106", "derive it from trainspec.Settings"),
    "unknown target": (("validate", "--target", "h1oo", "x.yaml"), "CLI103", ""),
    "a missing file": (("show", "nowhere.yaml"), "SRC105", "correct the path"),
    "a name beside a comma": (("show", "a.yaml,"), "SRC105", "write a.yaml,b.yaml"),
}


@pytest.mark.parametrize(("words", "code", "remedy"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_diagnostic(run: Callable, words: tuple[str, ...], code: str, remedy: str) -> None:
    found = run(*words)
    assert found.code == 2
    assert found.out == ""
    assert f"error[{code}]" in found.err
    assert found.err.count("error[") == 1
    assert remedy in found.err


@pytest.mark.parametrize("command", ["", "validate", "show", "rule", "explain", "train"])
def test_what_is_typed_cannot_command_the_terminal(run: Callable, command: str) -> None:
    found = run(*filter(None, [command]), "\x1b[31mred.yaml")
    assert found.code == 2
    assert "\x1b" not in found.out + found.err


COLOURS: dict[str, tuple[dict[str, str], bool]] = {
    "not on a terminal": ({}, False),
    "forced": ({"FORCE_COLOR": "1"}, True),
    "forbidden": ({"NO_COLOR": "1"}, False),
    "forced and forbidden": ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    "empty means nothing": ({"NO_COLOR": "", "FORCE_COLOR": "1"}, True),
}


@pytest.mark.parametrize(("environ", "coloured"), COLOURS.values(), ids=COLOURS)
def test_colours(
    run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], coloured: bool
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    found = run("validate", write("a.yaml", ERROR))
    assert ("\x1b[" in found.out) is coloured


def test_a_whole_process(write: Callable) -> None:
    found = process("validate", write("a.yaml", ERROR), write("b.yaml", "seed: 1\n"))
    assert found.returncode == 1
    assert found.stderr == ""
    assert found.stdout.endswith("2 files, 1 error, 0 warnings\n")


def test_a_reader_that_leaves_is_no_error(write: Callable) -> None:
    command = f"{sys.executable} -m trainspec rule | head -1"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert found.stderr == ""
    assert len(found.stdout.splitlines()) == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="what is always full is there on Linux alone")
@pytest.mark.parametrize("words", ["rule RUN110", "schema", "--help"])
def test_an_answer_that_cannot_be_written_is_one_diagnostic(words: str) -> None:
    command = f"{sys.executable} -m trainspec {words} >/dev/full"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert found.returncode == 2
    assert found.stderr == "error[CLI127] the answer cannot be written to stdout: No space left on device\n"


def test_a_file_name_that_is_no_text_can_be_shown(tmp_path: Path) -> None:
    found = process("validate", os.fsdecode(b"\xff.yaml"), PYTHONIOENCODING="ascii")
    assert found.returncode == 2
    assert "error[SRC105]" in found.stdout
    assert "Traceback" not in found.stderr


HEAVY = {"torch", "numpy", "fsspec", "difflib", "trainspec.training.command.train"}
LIGHT: dict[str, tuple[str, ...]] = {
    "validate": ("validate", "run.yaml"),
    "show": ("show", "run.yaml"),
    "plan": ("plan", "run.yaml", "--rows", "1000"),
    "rule": ("rule", "PRE101"),
    "explain": ("explain", "bf16"),
    "diff": ("diff", "run.yaml", "run.yaml"),
}


@pytest.mark.fully_installed
@pytest.mark.parametrize("words", LIGHT.values(), ids=LIGHT)
def test_nothing_heavy_is_imported(write: Callable, words: tuple[str, ...]) -> None:
    folder = write("run.yaml", "bf16: true\n").parent
    code = f"import sys; from trainspec.cli import main; main({words!r}); print(*sys.modules, file=sys.stderr)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, timeout=60)
    assert found.returncode == 0, found.stderr
    assert set(found.stderr.split()) & HEAVY == set()


@pytest.mark.skipif(os.name != "posix", reason="shells elsewhere close nothing")
def test_closed_streams_are_no_fault() -> None:
    words = [sys.executable, "-m", "trainspec", "explain", "learning_rate"]
    ended = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *words], stderr=subprocess.PIPE, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
