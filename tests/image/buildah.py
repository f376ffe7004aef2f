"""Images built and run without an engine: buildah in chroot isolation, on a base image that debootstrap makes.

A base image, the wheels and the layers stay in `build/image`, so that a second run is quick.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "build" / "image"
WHEELS = PLACE / "wheels"
# A stand-in for an official Python image: Debian with its own Python and venv.
BASE = "docker.io/library/python:debian"
SUITE = "bookworm"


class Ended(NamedTuple):
    """How a process ended."""

    code: int
    out: str
    err: str


def buildah(*words: str | Path) -> Ended:
    """Run buildah with the storage of these tests."""
    done = subprocess.run([*_buildah(), *map(str, words)], capture_output=True, text=True, cwd=ROOT)
    return Ended(done.returncode, done.stdout, done.stderr)


def _buildah() -> list[str]:
    storage = [f"--root={PLACE / 'storage'}", f"--runroot={PLACE / 'run'}"]
    # STORAGE_DRIVER=vfs copies whole layers: it works where overlays cannot be mounted, and takes ten times as long.
    return ["buildah", f"--storage-driver={os.environ.get('STORAGE_DRIVER', 'overlay')}", *storage]


def must(ended: Ended) -> str:
    """The output of something that has to work."""
    assert ended.code == 0, f"exit code {ended.code}\n{ended.out[-4000:]}\n{ended.err[-4000:]}"
    return ended.out


def make_base() -> None:
    """A base image with Python, once."""
    if buildah("inspect", "--type=image", BASE).code == 0:
        return
    tree = PLACE / "rootfs"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    parts = "--include=python3,python3-venv,ca-certificates"
    subprocess.run(["debootstrap", "--variant=minbase", parts, SUITE, str(tree)], check=True, capture_output=True)
    recipe = PLACE / "Dockerfile.base"
    recipe.write_text("FROM scratch\nADD . /\n")
    must(buildah("bud", "--format=docker", "--isolation=chroot", f"--tag={BASE}", f"--file={recipe}", tree))
    shutil.rmtree(tree)


def collect_wheels() -> None:
    """The wheels that the images are made of, downloaded by this machine's pip."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needs = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    needs += [item for extra in ("train", "serve") for item in project["project"]["optional-dependencies"][extra]]
    constraints = ROOT / ".ci" / "constraints.txt"
    WHEELS.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", f"--constraint={constraints}", f"--dest={WHEELS}"]
    subprocess.run([*command, "--find-links", str(WHEELS), *needs], check=True, capture_output=True)


def build(target: str) -> str:
    """Build a target of the Dockerfile, offline; returns the image's name."""
    image = f"localhost/trainspec:{target}"
    arguments = [f"--build-arg=BASE={BASE}", "--build-arg=PIP_OPTIONS=--no-index --find-links /wheels"]
    how = ["--pull-never", "--format=docker", "--isolation=chroot", "--layers", f"--volume={WHEELS}:/wheels:ro"]
    must(buildah("bud", *how, *arguments, f"--target={target}", f"--tag={image}", "."))
    return image


class Container:
    """A container of an image, and what it is run with."""

    def __init__(self, image: str) -> None:
        self.name = must(buildah("from", "--pull-never", image)).strip()

    def remove(self) -> None:
        buildah("rm", self.name)

    def command(
        self, words: Iterable[str], variables: Mapping[str, str] | None = None, mounts: Mapping[Path, str] | None = None
    ) -> list[str]:
        """The command line that runs `words` in the container as its own user."""
        given = [f"--env={name}={value}" for name, value in (variables or {}).items()]
        given += [f"--volume={here}:{there}" for here, there in (mounts or {}).items()]
        return [*_buildah(), "run", "--isolation=chroot", *given, self.name, "--", *words]

    def run(
        self, *words: str, variables: Mapping[str, str] | None = None, mounts: Mapping[Path, str] | None = None
    ) -> Ended:
        """Run words in the container, to their end."""
        done = subprocess.run(self.command(words, variables, mounts), capture_output=True, text=True, timeout=280)
        return Ended(done.returncode, done.stdout, done.stderr)

    def processes(self, *words: str) -> list[int]:
        """The processes of the image's user in which Python runs exactly these words."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and _runs(entry, words):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found


def _runs(process: Path, words: tuple[str, ...]) -> bool:
    if os.stat(process).st_uid != 10001:
        return False
    running = process.joinpath("cmdline").read_text().rstrip("\0").split("\0")
    return "python" in running[0] and tuple(running[-len(words) :]) == words
