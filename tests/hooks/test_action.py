"""The steps of the GitHub action and of the GitLab job, run by a shell as their runners would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from tests.hooks.conftest import GOOD, ROOT

ACTION = yaml.safe_load((ROOT / ".github/actions/validate/action.yml").read_text())
JOB = yaml.safe_load((ROOT / ".gitlab/trainspec.gitlab-ci.yml").read_text())["trainspec-validate"]
INSTALL, JUDGE = ACTION["runs"]["steps"]


def environment_of(step: dict[str, Any], given: dict[str, str]) -> dict[str, str]:
    """The step's variables, with the inputs in place of their expressions."""
    inputs = {name: given.get(name, about.get("default", "")) for name, about in ACTION["inputs"].items()}
    return {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], text)
        for name, text in step["env"].items()
    }


def run_shell(script: str, folder: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(shell, cwd=folder, env=os.environ | environ, capture_output=True, text=True)


@pytest.fixture
def runner(tmp_path: Path) -> dict[str, str]:
    """A runner's variables, where the install step has already put this environment's trainspec."""
    binaries = tmp_path / "runner" / "trainspec" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "trainspec").symlink_to(Path(sys.executable).with_name("trainspec"))
    return {"RUNNER_TEMP": str(tmp_path / "runner"), "GITHUB_ACTION_PATH": str(ROOT / ".github/actions/validate")}


def test_the_action_is_composite_with_described_inputs_and_pins_nothing_foreign() -> None:
    assert ACTION["runs"]["using"] == "composite"
    assert all(about["description"] for about in ACTION["inputs"].values())
    assert all(step["shell"] == "bash" and "uses" not in step for step in (INSTALL, JUDGE))
    # An expression inside a script would let an input run commands.
    assert not any("${{" in step["run"] for step in (INSTALL, JUDGE))


@pytest.mark.parametrize(
    ("given", "code", "shown"),
    [
        ({"files": "configs/run.yaml"}, 0, ""),
        ({"files": "configs"}, 1, "::error file=configs/bert-base.yaml,line=2"),
        ({"files": "configs/**/run.yaml\nconfigs/*bert*"}, 1, "title=PRE101"),
        ({"files": "configs/run.yaml", "target": "v100"}, 0, ""),
        ({"files": "configs/run.yaml", "world-size": "2", "strict": "true"}, 0, ""),
        ({"files": "configs/warned.yaml"}, 0, "::warning"),
        ({"files": "configs/warned.yaml", "strict": "true"}, 1, "::warning"),
        ({"files": "configs/eval.yaml configs/warned.yaml", "strict": "true", "together": "true"}, 0, ""),
        ({"files": "$(touch harm)"}, 2, "::error"),
    ],
    ids=["good", "folder", "patterns", "target", "world-size", "warning", "strict", "together", "no-command"],
)
def test_the_action_judges_and_annotates(
    given: dict[str, str], code: int, shown: str, project: Path, runner: dict[str, str]
) -> None:
    (project / "configs" / "warned.yaml").write_text("output_dir: out\neval_steps: 5\n")
    (project / "configs" / "eval.yaml").write_text("eval_strategy: steps\n")
    run = run_shell(JUDGE["run"], project, runner | environment_of(JUDGE, given))
    assert run.returncode == code, run.stdout + run.stderr
    assert shown in run.stdout
    assert not (project / "harm").exists()


def test_the_action_writes_sarif_where_asked(project: Path, runner: dict[str, str]) -> None:
    given = {"files": "configs", "sarif-file": "found.sarif"}
    run = run_shell(JUDGE["run"], project, runner | environment_of(JUDGE, given))
    assert run.returncode == 1
    assert json.loads((project / "found.sarif").read_text())["runs"][0]["results"]


def test_the_action_installs_the_version_it_belongs_to(published: Path, tmp_path: Path, project: Path) -> None:
    runner = {"RUNNER_TEMP": str(tmp_path), "GITHUB_ACTION_PATH": str(published / ".github/actions/validate")}
    installed = run_shell(INSTALL["run"], project, runner | environment_of(INSTALL, {}))
    assert installed.returncode == 0, installed.stdout + installed.stderr
    judged = run_shell(JUDGE["run"], project, runner | environment_of(JUDGE, {"files": "configs/run.yaml"}))
    assert judged.returncode == 0, judged.stdout + judged.stderr


@pytest.mark.parametrize("mended", [False, True], ids=["bad", "good"])
def test_the_gitlab_job_reports_junit_and_fails_where_settings_do(project: Path, mended: bool) -> None:
    if mended:
        (project / "configs" / "bert-base.yaml").write_text(GOOD)
    binaries = project / ".trainspec-venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "trainspec").symlink_to(Path(sys.executable).with_name("trainspec"))
    variables = JOB["variables"] | {"VALIDATE_FILES": "configs/**/*.yaml", "VALIDATE_OPTIONS": "--world-size 2"}
    run = run_shell("\n".join(JOB["script"]), project, variables)
    assert run.returncode == (0 if mended else 1), run.stdout + run.stderr
    assert ("error[PRE101]" in run.stdout) is not mended
    report = ElementTree.parse(project / JOB["artifacts"]["reports"]["junit"]).getroot()
    assert report.get("failures") == ("0" if mended else "1")


def test_the_gitlab_job_is_a_job() -> None:
    assert {"stage", "image", "script"} <= JOB.keys()
    assert all(isinstance(value, str) for value in JOB["variables"].values())
