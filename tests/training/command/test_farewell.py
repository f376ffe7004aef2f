"""Promise: the last line of a run that was ended names the checkpoint that can be gone on from, and no other."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trainspec import TrainingArguments
from trainspec.storage import open_store
from trainspec.training.checkpoint import Checkpoint, save_checkpoint
from trainspec.training.command import farewell as told

Arguments = Callable[..., TrainingArguments]


def test_a_process_that_has_read_none_reads_them(arguments: Arguments, tmp_path: Path) -> None:
    args, out = arguments(), tmp_path / "out"
    assert told.farewell_of_agent(args, "ended") == "ended; no checkpoint had been written"
    for step in (2, 4, 6):
        save_checkpoint(open_store(out), step, {"a.bin": b"whole"})
    (out / "checkpoint-6" / "a.bin").write_bytes(b"other")
    went_on = "set resume_from_checkpoint: latest to go on"
    assert told.farewell_of_agent(args, "ended") == f"ended; the newest checkpoint is {out}/checkpoint-4: {went_on}"
    for step in (2, 4):
        (out / f"checkpoint-{step}" / "a.bin").write_bytes(b"other")
    assert told.farewell_of_agent(args, "ended") == "ended; no checkpoint is whole"


def test_it_does_not_read_for_ever(arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    save_checkpoint(open_store(out), 2, {"a.bin": b"whole"})
    monkeypatch.setattr(Checkpoint, "verify", lambda self: time.sleep(60))
    monkeypatch.setattr(told, "_READING", 0.5)
    said = told.farewell_of_agent(arguments(), "ended")
    assert said == f"ended; the newest checkpoint may be {out}/checkpoint-2: 0.5 s did not suffice to read it"
