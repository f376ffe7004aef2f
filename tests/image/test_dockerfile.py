"""The Dockerfile as text and as built: clean for hadolint, its entry point a process of its own, its user not root."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.image.buildah import ROOT, buildah, must

TARGETS = ("settings", "training")


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    assert hadolint, "hadolint is not installed"
    done = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def config_of(image: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(must(buildah("inspect", "--type=image", image)))
    found: dict[str, Any] = said["Docker"]["config"]
    return found


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_starts_the_command_itself(target: str, request: pytest.FixtureRequest) -> None:
    config = config_of(request.getfixturevalue(f"{target}_image"))
    assert config["Entrypoint"] == ["trainspec"], "a shell around it would keep the signals"
    assert config["Cmd"] == ["--help"]
    assert config["User"] == "10001:10001"
    assert config["WorkingDir"] == "/work"
    assert not config.get("Healthcheck")


def size_of(image: str) -> int:
    """Bytes, as buildah lists them."""
    listed = json.loads(must(buildah("images", "--json", image)))
    number, unit = listed[0]["size"].split()
    return int(float(number) * {"KB": 1e3, "MB": 1e6, "GB": 1e9}[unit])


def test_the_settings_add_little_to_their_base(settings_image: str) -> None:
    added = size_of(settings_image) - size_of("docker.io/library/python:debian")
    assert added < 40e6, f"{added / 1e6:.0f} MB"
