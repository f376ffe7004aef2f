"""Promise: threads of several processes write one checkpoint while these train, and all come to the same about it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.training.checkpoint.ranks.jobs import history, trainer_for
from tests.training.parallel.world import run_in
from tests.training.run.saving.held import At, Saves, Thread, contents

from trainspec.storage import StorageError, open_store
from trainspec.training.checkpoint import list_checkpoints
from trainspec.training.parallel.agreement import OtherProcessError
from trainspec.training.trainer import Trainer

ON: dict[str, Any] = {"save_in_background": True, "save_steps": 2}
SHARDED: dict[str, Any] = {"fsdp": "full_shard", "fsdp_config": {"version": 2}}


def _held(out: Path, more: dict[str, Any]) -> tuple[Any, list[tuple[int, int, bool]]]:
    """In the second process no byte of the first save is written before two more updates are done by both."""
    saves = Saves()
    with pytest.MonkeyPatch.context() as patch:
        thread = Thread(patch, *([2] if os.environ["RANK"] == "1" else []))
        let_go = At(4, lambda: (saves.heard.append((-1, 4, not thread.go.is_set())), thread.go.set()))
        trainer = trainer_for(out, callbacks=[saves, let_go], **ON, **more)
        trainer.train()
    return losses(trainer), saves.heard


def _waits(out: Path, more: dict[str, Any]) -> Any:
    trainer = trainer_for(out, save_steps=2, **more)
    trainer.train()
    return losses(trainer)


def losses(trainer: Trainer) -> list[Any]:
    """What is left beside the files that are compared."""
    return [entry["loss"] for entry in history(trainer) if "loss" in entry]


@pytest.mark.parametrize("more", [{}, pytest.param(SHARDED, marks=pytest.mark.long_distributed)], ids=["DDP", "FSDP2"])
def test_training_goes_on_while_one_process_still_writes(tmp_path: Path, more: dict[str, Any]) -> None:
    out = tmp_path / "out"
    waited = run_in(2, _waits, out, more)
    out.rename(tmp_path / "waited for")
    ends = run_in(2, _held, out, more)
    assert [end for end, _ in ends] == waited
    for step in (2, 4, 6):
        found = contents(out / f"checkpoint-{step}")
        assert {"rng_state_0.json", "rng_state_1.json"} < found.keys()
        assert found == contents(tmp_path / "waited for" / f"checkpoint-{step}")
    heard = ends[0][1]
    # All hear of each checkpoint at the same update, and the next save waits for the one before.
    assert heard == ends[1][1]
    assert heard == [(-1, 4, True), (2, 4, True), (4, 6, True), (6, 6, True)] or heard[2] == (4, 5, True)


def _fails(out: Path, allowed: int) -> tuple[str, int, list[tuple[int, int, bool]]]:
    saves, said = Saves(), ""
    with pytest.MonkeyPatch.context() as patch:
        Thread(patch, fails=2 if os.environ["RANK"] == "1" else None)
        trainer = trainer_for(out, callbacks=[saves], save_failures_allowed=allowed, **ON)
        try:
            trainer.train()
        except (StorageError, OtherProcessError) as error:
            said = f"{type(error).__name__}: {error}"
    return said, trainer.state.global_step, saves.heard


@pytest.mark.parametrize("allowed", [0, 1])
def test_what_fails_in_one_is_heard_by_all_at_the_same_update(tmp_path: Path, allowed: int) -> None:
    (first, at, heard), (second, at_too, heard_too) = run_in(2, _fails, tmp_path, allowed)
    assert (at, heard) == (at_too, heard_too)
    if allowed:
        assert (first, second, at) == ("", "", 6)
        assert [step for step, *_ in heard] == [4, 6]
    else:
        assert first.startswith("OtherProcessError") and "no space is left there" in first
        assert second.startswith("StorageError") and 2 < at <= 4
    assert [found.step for found in list_checkpoints(open_store(tmp_path))] == ([4, 6] if allowed else [])
