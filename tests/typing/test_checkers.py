"""mypy, with and without pydantic's plugin, and pyright see in TrainingArguments what it takes and reads as."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "snippets"
FOR_ALL = [HERE / "accepted.py", HERE / "flagged.py"]
WITHOUT_PLUGIN = [HERE / "accepted_without_plugin.py", HERE / "flagged_without_plugin.py"]
# Reading the types of torch and others takes minutes, and no line of these files is judged by them.
OTHERS = "torch numpy transformers deepspeed peft optuna wandb trackio matplotlib huggingface_hub azure google IPython"
UNREAD = f"[mypy-{'.*,'.join(OTHERS.split())}.*]\nfollow_imports = skip\nfollow_imports_for_stubs = true\n"
Complaints = set[tuple[str, int]]


def complaints_of_mypy(folder: Path, files: list[Path], config: str) -> Complaints:
    pytest.importorskip("mypy")
    (folder / "mypy.ini").write_text(f"[mypy]\nstrict = true\n{config}\n{UNREAD}")
    command = [sys.executable, "-m", "mypy", "--config-file", str(folder / "mypy.ini")]
    # One cache for all runs of a machine: the first reads pydantic's own types, which takes a while.
    cache = ["--cache-dir", str(HERE.parents[2] / ".mypy_cache" / ("plugin" if config else "snippets"))]
    run = subprocess.run([*command, *cache, *map(str, files)], capture_output=True, text=True)
    assert run.returncode in {0, 1}, run.stdout + run.stderr
    assert not re.search(r"^src/", run.stdout, re.MULTILINE), run.stdout
    return {
        (Path(name).name, int(line)) for name, line in re.findall(r"^(\S+?):(\d+): error", run.stdout, re.MULTILINE)
    }


def complaints_of_pyright(folder: Path, files: list[Path]) -> Complaints:
    pytest.importorskip("pyright")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    run = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, cwd=folder)
    assert run.returncode in {0, 1}, run.stdout + run.stderr
    found = json.loads(run.stdout[run.stdout.index("{") :])["generalDiagnostics"]
    return {(Path(item["file"]).name, item["range"]["start"]["line"] + 1) for item in found}


def mypy(folder: Path) -> Complaints:
    return complaints_of_mypy(folder, [*FOR_ALL, *WITHOUT_PLUGIN], "")


def mypy_with_plugin(folder: Path) -> Complaints:
    return complaints_of_mypy(folder, FOR_ALL, "plugins = pydantic.mypy")


def pyright(folder: Path) -> Complaints:
    return complaints_of_pyright(folder, [*FOR_ALL, *WITHOUT_PLUGIN])


def lines_said_to_be_wrong(files: list[Path]) -> Complaints:
    lines = ((file.name, number, line) for file in files for number, line in enumerate(file.open(), start=1))
    return {(name, number) for name, number, line in lines if line.rstrip().endswith("# wrong")}


@pytest.mark.parametrize(
    ("checker", "files"),
    [(mypy, [*FOR_ALL, *WITHOUT_PLUGIN]), (mypy_with_plugin, FOR_ALL), (pyright, [*FOR_ALL, *WITHOUT_PLUGIN])],
    ids=["mypy", "mypy-with-pydantic-plugin", "pyright"],
)
def test_a_checker_flags_what_is_wrong_and_nothing_else(
    checker: Callable[[Path], Complaints], files: list[Path], tmp_path: Path
) -> None:
    assert checker(tmp_path) == lines_said_to_be_wrong(files)
