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
SERVE = ["trainspec", "serve", "--host", "0.0.0.0"]


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


def test_the_service_serves_and_says_whether_it_does(service_image: str) -> None:
    config = config_of(service_image)
    assert (config["Entrypoint"], config.get("Cmd") or []) == (SERVE, [])
    assert (config["User"], config["StopSignal"]) == ("10001:10001", "SIGTERM")
    assert "8080/tcp" in config["ExposedPorts"]
    assert config["Healthcheck"]["Test"][:3] == ["CMD", "python3", "-c"]


def size_of(image: str) -> int:
    """Bytes, as buildah lists them."""
    listed = json.loads(must(buildah("images", "--json", image)))
    number, unit = listed[0]["size"].split()
    return int(float(number) * {"KB": 1e3, "MB": 1e6, "GB": 1e9}[unit])


@pytest.mark.parametrize("target, most", [("settings", 40e6), ("service", 45e6)])
def test_without_torch_little_is_added_to_the_base(target: str, most: float, request: pytest.FixtureRequest) -> None:
    added = size_of(request.getfixturevalue(f"{target}_image")) - size_of("docker.io/library/python:debian")
    assert added < most, f"{added / 1e6:.0f} MB"
