"""The distributions, built once, and an environment with nothing but the wheel. `make test-packaging` asks for them."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]

collect_ignore_glob = [] if os.environ.get("TEST_PACKAGING") else ["test_*.py"]


class Built(NamedTuple):
    """The two files that are published."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist, and the wheel built from it."""
    place = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(place), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (sdist,), (wheel,) = place.glob("*.tar.gz"), place.glob("*.whl")
    return Built(sdist, wheel)


class Installed:
    """An environment that holds the wheel and what it depends on."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.bin = place / "bin"

    def run(self, *words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, far from the source tree and without its variables."""
        environment = {"PATH": f"{self.bin}:/usr/bin:/bin", "COLUMNS": "100"}
        command = [str(self.bin / words[0]), *map(str, words[1:])]
        return subprocess.run(command, cwd=cwd or self.place, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own, without extras."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=True)
    environment = Installed(place)
    pip = [str(environment.bin / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, str(built.wheel)], check=True)
    return environment
