"""The service's image run for real: it answers, is found healthy, lets nobody in without its token, and ends well."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.image.buildah import Container
from tests.image.test_dockerfile import SERVE, config_of

URL = "http://127.0.0.1:8080"
TOKEN = "canary-7a1b-token"


@pytest.fixture
def container(service_image: str) -> Iterator[Container]:
    found = Container(service_image)
    yield found
    found.remove()


def ask(path: str, body: str | None = None, token: str = TOKEN) -> tuple[int, str]:
    data = body.encode() if body is not None else None
    headers = {"Content-Type": "application/yaml", "Authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(URL + path, data, headers), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def begun(process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            return assert_ready()
        except (OSError, AssertionError):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.1)


def assert_ready() -> None:
    assert ask("/readyz")[0] == 200


@pytest.mark.parametrize("more", [(), ("--workers", "2")], ids=["alone", "two processes"])
def test_it_answers_and_ends_well(container: Container, service_image: str, mounted: Path, more: tuple[str]) -> None:
    (mounted / "token").write_text(f"{TOKEN}\n")
    (mounted / "token").chmod(0o644)
    words = [*SERVE, *more, "--token-file", "/run/secrets/token", "--drain", "1"]
    command = container.command(words, mounts={mounted / "token": "/run/secrets/token:ro"})
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            begun(process)
            status, told = ask("/validate", "lerning_rate: 1\n")
            assert status == 200 and "did you mean learning_rate?" in told
            assert ask("/validate", "seed: 1\n", token="no")[0] == 401
            check = config_of(service_image)["Healthcheck"]["Test"][1:]
            assert container.run(*check).code == 0
            (server,) = container.processes(*words[1:])
            os.kill(server, signal.SIGTERM)
            time.sleep(0.3)
            assert ask("/readyz")[0] == 503 and container.run(*check).code != 0
            assert process.wait(30) == 0
        finally:
            process.kill()
        assert process.stderr is not None and TOKEN not in process.stderr.read()


@pytest.mark.parametrize("module", ["torch", "numpy", "pip"])
def test_a_module_that_it_does_not_need_is_not_there(container: Container, module: str) -> None:
    assert "ModuleNotFoundError" in container.run("python", "-c", f"import {module}").err
