"""Saves of a thread, held where a test wants them; what they did, in order."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from trainspec.storage import StorageError
from trainspec.storage.local import LocalStore
from trainspec.training.callbacks import TrainerCallback
from trainspec.training.checkpoint.manifest import MANIFEST

LONG = 60.0


class Thread:
    """Every file that a thread writes into a checkpoint, as (step, name); `held` steps are not begun before `go`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *held: int, fails: int | None = None) -> None:
        self.written: list[tuple[int, str]] = []
        self.go = threading.Event()
        self._held, self._fails = held, fails
        real = LocalStore._stream

        def stream(store: LocalStore, name: str, fill: Any) -> None:
            elsewhere = threading.current_thread() is not threading.main_thread()
            if elsewhere and store.folder.name.startswith((".checkpoint-", "checkpoint-")):
                self._comes(store, name)
            real(store, name, fill)

        monkeypatch.setattr(LocalStore, "_stream", stream)

    def _comes(self, store: LocalStore, name: str) -> None:
        step = int(store.folder.name.partition("-")[2].partition(".")[0])
        if step in self._held:
            assert self.go.wait(LONG)
        if step == self._fails:
            raise StorageError(store.url, "write", "no space is left there")
        self.written.append((step, name))


class At(TrainerCallback):
    """Calls something at the end of an update."""

    def __init__(self, step: int, call: Any) -> None:
        self.step, self.call = step, call

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.step:
            self.call()


class Saves(TrainerCallback):
    """The checkpoint that each on_save tells of, at which update it does, and whether it is there by then."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int, bool]] = []

    def on_save(self, args: Any, state: Any, control: Any, saved_step: int, **_: Any) -> None:
        there = Path(args.output_dir, f"checkpoint-{saved_step}", MANIFEST).exists()
        self.heard.append((saved_step, state.global_step, there))


def ended() -> None:
    """Wait for the threads that save."""
    for thread in threading.enumerate():
        if thread.name.startswith("trainspec saves"):
            thread.join(LONG)
            assert not thread.is_alive()


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a checkpoint but those in which the setting itself is written."""
    told = (MANIFEST, "training_args.json", "resolved_args.json")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in told
    }
