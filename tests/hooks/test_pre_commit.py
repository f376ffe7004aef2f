"""pre-commit itself, in a repository made here, installs the hook from this checkout and stops a bad file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.hooks.conftest import GOOD, ROOT, git

pytest.importorskip("pre_commit")
HOOK = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())[0]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps the environment it makes for the hook."""
    return tmp_path_factory.mktemp("pre-commit")


def run_hook(project: Path, home: Path, *files: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pre_commit", "run", "trainspec-validate", "--verbose", "--color=never"]
    chosen = ["--files", *files] if files else ["--all-files"]
    environ = os.environ | {"PRE_COMMIT_HOME": str(home)}
    return subprocess.run([*command, *chosen], cwd=project, capture_output=True, text=True, env=environ)


def test_a_bad_file_stops_the_commit_and_mending_it_does_not(project: Path, published: Path, home: Path) -> None:
    entry = {"repo": str(published), "rev": git(published, "rev-parse", "HEAD"), "hooks": [{"id": HOOK["id"]}]}
    (project / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [entry]}))
    git(project, "add", "--all")
    failed = run_hook(project, home)
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "error[PRE101]" in failed.stdout
    assert "configs/bert-base.yaml:2" in failed.stdout
    assert "compose.yaml" not in failed.stdout
    passed = run_hook(project, home, "configs/run.yaml")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    (project / "configs" / "bert-base.yaml").write_text(GOOD)
    mended = run_hook(project, home)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert "Passed" in mended.stdout


def test_the_hook_file_is_as_pre_commit_wants_it() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
