"""Promise: kill -9 at any point of a save leaves the old checkpoints, or the new one too; never a half."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from trainspec.storage import open_store
from trainspec.training.checkpoint import (
    list_checkpoints,
    newest_valid,
    save_checkpoint,
)

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"a.bin": b"1" * 100_000, "b.bin": b"2" * 100_000}

# Stops just before the operation of that number on the disk, and waits to be killed there.
SAVER = """
import os, sys, time
from trainspec.storage import local, open_store
from trainspec.training.checkpoint import save_checkpoint

left = int(sys.argv[2])

def counted(name):
    real = getattr(os, name)
    def operation(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            print("here", flush=True)
            time.sleep(60)
        return real(*args, **kwargs)
    setattr(os, name, operation)

for name in ("replace", "fsync", "unlink", "rmdir"):
    counted(name)
files = {"a.bin": b"3" * 100_000, "b.bin": b"4" * 100_000}
save_checkpoint(open_store(sys.argv[1]), int(sys.argv[3]), files)
print("done", flush=True)
"""


def _killed_at(folder: Path, operation: int, step: int) -> str:
    process = subprocess.Popen(
        [sys.executable, "-c", SAVER, str(folder), str(operation), str(step)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline().strip()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    return said


@pytest.mark.timeout(60)
@pytest.mark.parametrize("step", [5, 6], ids=["over an old one", "beside an old one"])
def test_killed_at_every_operation(tmp_path: Path, step: int) -> None:
    ends: set[str] = set()
    for operation in range(40):
        folder = tmp_path / str(operation)
        store = open_store(folder)
        save_checkpoint(store, 4, FILES)
        save_checkpoint(store, 5, FILES)
        ends.add(said := _killed_at(folder, operation, step))
        for checkpoint in list_checkpoints(store):
            checkpoint.verify()
            contents = {checkpoint.read(name)[:1] for name in FILES}
            assert contents in ({b"1", b"2"}, {b"3", b"4"}), "old and new files are never mixed"
        newest = newest_valid(store)
        assert newest is not None
        assert newest.step in (4, 5, 6)
        save_checkpoint(store, step, FILES)
        assert [entry.name for entry in store.child(f"checkpoint-{step}").entries()] == [
            "a.bin",
            "b.bin",
            "manifest.json",
        ]
        if said == "done":
            break
    assert ends == {"here", "done"}
