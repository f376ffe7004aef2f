"""A repository of this package as others see it, and a project with a good and a bad file of settings."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = "output_dir: out\nlearning_rate: 3.0e-4\n"
BAD = "output_dir: out\nbf16: true\nfp16: true\n"
PUBLISHED = ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", "src", "schemas", ".github", ".gitlab")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=tests", "-c", "user.email=tests@example.org", "-c", "init.defaultBranch=main")
    run = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return run.stdout.strip()


@pytest.fixture(autouse=True)
def no_git_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside a git hook, git's own variables would point to the repository that is being committed to."""
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def pip_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of what is installed is never imported."""
    monkeypatch.setenv("PIP_COMPILE", "0")


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout, as it is now, as a git repository."""
    folder = tmp_path_factory.mktemp("published")
    for name in PUBLISHED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "As it is")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A team's project with a good and a bad file of settings, in git."""
    folder = tmp_path / "project"
    (folder / "configs").mkdir(parents=True)
    (folder / "configs" / "run.yaml").write_text(GOOD)
    (folder / "configs" / "bert-base.yaml").write_text(BAD)
    (folder / "compose.yaml").write_text("services: {}\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    return folder
