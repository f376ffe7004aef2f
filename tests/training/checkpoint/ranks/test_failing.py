"""Promise: a save that fails in one process fails in all, soon, and leaves no checkpoint; the run before it is safe."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.training.checkpoint.ranks.jobs import files_in, train, trainer_for
from tests.training.parallel.world import run_in, run_to_the_end

from trainspec.storage import StorageError, open_store
from trainspec.storage.local import LocalStore
from trainspec.training.checkpoint import list_checkpoints, newest_valid
from trainspec.training.parallel.agreement import OtherProcessError
from trainspec.training.parallel.processes import ProcessesError

SOON = 5.0


# Which process cannot do what, to which file.
PLACES = [(0, "make_folder", ""), (0, "_stream", "model"), (1, "_stream", "rng_state_1"), (0, "_stream", "manifest")]


def _fail(folder: Path) -> list[tuple[str, str, float, int]]:
    """What this process hears each time that a store fails in one of them, in the second save of a run."""
    return [_failing(folder / str(number), *place) for number, place in enumerate(PLACES)]


def _failing(folder: Path, culprit: int, method: str, at: str) -> tuple[str, str, float, int]:
    trainer = trainer_for(folder, save_failures_allowed=0)
    processes, real = trainer.parts.strategy.processes, getattr(LocalStore, method)
    began = [0.0]

    def failing(store: LocalStore, *values: Any) -> Any:
        if "checkpoint-6" in store.url:
            began[0] = time.monotonic()
            if processes.rank == culprit and at in str(values):
                raise StorageError(store.url, "write", "No space left on device")
        return real(store, *values)

    setattr(LocalStore, method, failing)
    said = "nothing", ""
    try:
        trainer.train()
    except (StorageError, OtherProcessError) as error:
        said = type(error).__name__, str(error)
    setattr(LocalStore, method, real)
    took = time.monotonic() - began[0] if began[0] else 0.0
    # They are in contact with each other still.
    return (*said, took, processes.sum(1))


def test_an_error_in_one_fails_the_save_in_all(tmp_path: Path) -> None:
    answers = run_in(3, _fail, tmp_path, seconds=60)
    for number, (culprit, *_) in enumerate(PLACES):
        for rank, answer in enumerate(answers):
            kind, text, took, together = answer[number]
            assert kind == ("StorageError" if rank == culprit else "OtherProcessError"), text
            assert "No space left on device" in text and took < SOON and together == 3
            assert rank == culprit or f"rank {culprit}" in text
        store = open_store(tmp_path / str(number))
        assert [found.step for found in list_checkpoints(store)] == [3]


def _killed(folder: Path, victim: int, before: int, in_background: bool) -> None:
    """The victim is killed by SIGKILL just before a write call of its second save, the others tell what they heard."""
    trainer = trainer_for(folder, ddp_timeout=60, save_in_background=in_background)
    real, left = LocalStore._stream, [before]
    processes = trainer.parts.strategy.processes

    def counted(store: LocalStore, *values: Any) -> Any:
        if "checkpoint-6" in store.url:
            left[0] -= 1
            if left[0] < 0:
                (folder / f"killed-{processes.rank}").write_text(repr(time.time()))
                os.kill(os.getpid(), signal.SIGKILL)
        return real(store, *values)

    if processes.rank == victim:
        LocalStore._stream = counted  # type: ignore[method-assign,assignment]
    try:
        trainer.train()
    except ProcessesError as error:
        when = float((folder / f"killed-{victim}").read_text())
        (folder / f"heard-{processes.rank}").write_text(f"{time.time() - when:.1f} {error}")


MORE = [
    pytest.param(0, number, threads, marks=pytest.mark.long_distributed)
    for threads in (False, True)
    for number in range(9)
]


@pytest.mark.parametrize(("victim", "before", "in_background"), [(1, 0, False), (1, 0, True), *MORE])
def test_one_is_killed_while_it_writes(tmp_path: Path, victim: int, before: int, in_background: bool) -> None:
    survivor = 1 - victim
    run_to_the_end(2, _killed, tmp_path, victim, before, in_background)
    assert f"killed-{victim}" in files_in(tmp_path)
    seconds, _, told = (tmp_path / f"heard-{survivor}").read_text().partition(" ")
    assert float(seconds) < 2 * SOON and f"rank {survivor}" in told
    newest = newest_valid(open_store(tmp_path))
    assert newest is not None and newest.step == 3
    assert run_in(2, train, tmp_path, "latest")[0]["rows"] == (1, 0, 6)
    assert [found.step for found in list_checkpoints(open_store(tmp_path))] == [3, 6]
