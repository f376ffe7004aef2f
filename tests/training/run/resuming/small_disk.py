"""A disk of a few hundred kB, and how it comes to be full in the middle of a run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trainspec.training.callbacks import TrainerCallback


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Where it is mounted. Only root may do that."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk is mounted by root alone")
    yield place
    subprocess.run(["umount", place], check=True)


class Filled(TrainerCallback):
    """Leaves no room on a disk from one update on, until another."""

    def __init__(self, disk: Path, *, full_from: int, until: int | None = None) -> None:
        self.rest, self.full_from, self.until = disk / "of others", full_from, until

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.full_from:
            there = os.statvfs(self.rest.parent)
            # A page is left: a save begins, and breaks off in the middle of its first files.
            self.rest.write_bytes(bytes((there.f_bavail - 2) * there.f_frsize))
        if state.global_step == self.until:
            self.rest.unlink()
