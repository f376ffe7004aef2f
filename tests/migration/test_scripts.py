"""Launch scripts as people write them: settings, what is unknown, what is foreign, what the exit code says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from trainspec.cli import main
from trainspec.migration.documents import Found
from trainspec.migration.reading import SCRIPTS, format_of_source, read_sources
from trainspec.migration.scripts.choosing import candidates_of
from trainspec.migration.scripts.launchers import Launch
from trainspec.migration.scripts.reading import script_in
from trainspec.migration.scripts.settings import vocabulary
from trainspec.settings.diagnostics import SourceError
from trainspec.settings.sources.formats.flags import cut

STYLES = sorted((Path(__file__).parent / "scripts").glob("*.yaml"))
CASES: dict[str, dict[str, Any]] = {
    f"{style.stem}: {name}": case for style in STYLES for name, case in yaml.safe_load(style.read_text()).items()
}
BY_SHELL = {name: case for name, case in CASES.items() if "file" not in case and "error" not in case}
BASH = shutil.which("bash")
PROGRAMS = ("python", "python3", "torchrun", "deepspeed", "accelerate", "trl", "llamafactory-cli")
WRAPPERS = ("srun", "sbatch", "docker", "ssh", "uv", "poetry", "conda", "singularity", "mpirun", "tmux", "numactl")
# Writes its words down; what takes a command as a text, or from stdin, has a shell run it.
PROGRAM = """#!{python} -S
import json, os, subprocess, sys
with open({said!r}, "a") as file:
    file.write(json.dumps(sys.argv) + "\\n")
words, name = sys.argv[1:], os.path.basename(sys.argv[0])
if name in {wrappers!r}:
    text = words[-1].removeprefix("--wrap=") if words else ""
    if "bash" in words:
        subprocess.run(words[words.index("bash"):])
    elif " " in text:
        subprocess.run(["bash", "-c", text])
    elif name == "sbatch":
        subprocess.run(["bash"], stdin=sys.stdin)
"""


def read(case: dict[str, Any], tmp_path: Path) -> Found:
    path = tmp_path / case.get("file", "run.sh")
    path.write_text(case["script"], newline="")
    (found,) = read_sources(str(path), format_of_source(str(path)), None, case.get("command"))
    return found


def test_there_are_many() -> None:
    assert len(CASES) >= 100
    assert {format_of_source(case.get("file", "run.sh")) for case in CASES.values()} == SCRIPTS


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_script(case: dict[str, Any], tmp_path: Path) -> None:
    if "error" in case:
        with pytest.raises(SourceError) as error:
            read(case, tmp_path)
        assert [item.code for item in error.value.diagnostics] == [case["error"]]
        return
    found = read(case, tmp_path)
    unknown = [f"{item.evidence[0].field}: {item.evidence[0].value}" for item in found.left if item.code == "SRC141"]
    others = [item.code for item in found.left if item.code != "SRC141"]
    assert (found.values, unknown, others) == (case["settings"], case.get("unknown", []), case.get("codes", []))
    assert (found.others, found.secrets) == (case.get("foreign", []), case.get("secrets", []))
    assert [note for note in case.get("notes", []) if note not in found.notes] == []
    assert [item.code for item in found.told] == case.get("told", [])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_its_exit_code_and_its_secrets(
    case: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / case.get("file", "run.sh")
    path.write_text(case["script"], newline="")
    number = ["--command", case["command"]] if "command" in case else []
    for form in ([], ["--format", "json"]):
        code = main(["migrate", str(path), *map(str, number), *form])
        done = capsys.readouterr()
        assert code == case.get("code", 0), done.err
        assert "verysecret" not in done.out + done.err
        assert "0123456789abcdef" not in done.out + done.err
        if form:
            assert json.loads(done.out)["sources"][0]["ok"] is (code == 0)


def launches(case: dict[str, Any]) -> list[Launch]:
    path = case.get("file", "run.sh")
    return [one.launch for one in candidates_of(script_in(case["script"], path, format_of_source(path)))]


@pytest.mark.parametrize("case", [case for case in CASES.values() if "error" not in case])
def test_no_flag_is_lost_without_a_word(case: dict[str, Any], tmp_path: Path) -> None:
    """Each flag of the command is a setting, unknown, foreign, or one of the launcher's."""
    found = read(case, tmp_path)
    chosen = launches(case)[found.facts["command"]["number"] - 1]
    told = {item.evidence[0].field for item in found.left} | set(found.secrets) | set(found.others)
    pieces = cut(chosen.arguments, vocabulary().find)
    settings = {use.flag.path[0] for use in pieces.uses}
    old = {"evaluation_strategy": "eval_strategy", "no_cuda": "use_cpu"}
    old["per_gpu_train_batch_size"] = "per_device_train_batch_size"
    assert {old.get(name, name) for name in settings} <= set(found.values) | told
    assert {word.lstrip("-") for word in pieces.unknown} <= set(found.others)


@pytest.mark.skipif(BASH is None, reason="bash makes the words to compare with")
@pytest.mark.parametrize(
    "case", [case for case in BY_SHELL.values() if case.get("bash", True) and not case.get("unknown")]
)
def test_bash_runs_the_same_words(case: dict[str, Any], tmp_path: Path) -> None:
    """Every program is one here that writes down its words; the script is run by bash without any variable."""
    said = tmp_path / "said"
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in (*PROGRAMS, *WRAPPERS):
        text = PROGRAM.format(python=sys.executable, said=str(said), wrappers=WRAPPERS)
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "run.sh").write_text(case["script"])
    environment = {"PATH": f"{programs}:/usr/bin:/bin"}
    run = [BASH or "", "--norc", "run.sh"]
    subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=False)
    lines = [json.loads(line) for line in said.read_text().splitlines()] if said.exists() else []
    ran = [[os.path.basename(words[0]), *words[1:]] for words in lines]
    number = read(case, tmp_path).facts["command"]["number"]
    launch = launches(case)[number - 1]
    ours = [str(word) for word in launch.command.words]
    behind = [str(word) for word in launch.arguments]
    assert any(words == ours or words[len(words) - len(behind) :] == behind for words in ran), (ours, ran)
