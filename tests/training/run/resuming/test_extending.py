"""A run that is made longer goes on with the row after its last, wherever in an epoch that was."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.run.test_resume import Plug, PulledPlug
from tests.training.small_job import Make, rows_of, weights

from trainspec import TrainerCallback
from trainspec.storage import PermissionRefused, open_store
from trainspec.storage.local import LocalStore
from trainspec.training.checkpoint import list_checkpoints, newest_valid, open_checkpoint


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("strategy", ["epoch", "steps"])
@pytest.mark.parametrize("first", [2, 3, 4, 5])
def test_it_is_the_run_that_was_long_from_the_start(
    make_trainer: Make, tmp_path: Path, strategy: str, first: int
) -> None:
    # Three updates an epoch, and a rate that no length changes.
    said: dict[str, Any] = {"save_strategy": strategy, "lr_scheduler_type": "constant"}
    said |= {"save_steps": 1} if strategy == "steps" else {}
    whole = make_trainer(max_steps=8, output_dir=str(tmp_path / "whole"), lr_scheduler_type="constant")
    whole.train()
    begun = make_trainer(max_steps=first, **said)
    begun.train()
    longer = make_trainer(max_steps=8, resume_from_checkpoint="latest", **said)
    longer.train()
    assert rows_of(begun) + rows_of(longer) == rows_of(whole)
    assert same(weights(longer), weights(whole))
    assert longer.state.epoch == whole.state.epoch


def test_a_run_that_was_over_says_its_end_as_it_did_before(make_trainer: Make) -> None:
    said: dict[str, Any] = {"num_train_epochs": 2, "save_strategy": "steps", "save_steps": 1}
    make_trainer(**said).train()
    finished = make_trainer(resume_from_checkpoint="latest", **said)
    finished.train()
    state = finished.state
    assert (state.epoch_index, state.rows_in_epoch, state.updates_in_epoch) == (2, 0, 0)


def test_the_draws_after_a_run_that_was_over_are_those_that_it_would_have_made(make_trainer: Make) -> None:
    said: dict[str, Any] = {"num_train_epochs": 2, "save_strategy": "steps", "save_steps": 1}
    make_trainer(**said).train()
    expected = torch.rand(3)
    torch.manual_seed(99)
    make_trainer(resume_from_checkpoint="latest", **said).train()
    assert torch.equal(torch.rand(3), expected)


def test_a_run_that_was_over_deletes_what_it_had_not_come_to(make_trainer: Make, tmp_path: Path) -> None:
    said: dict[str, Any] = {"num_train_epochs": 2, "save_strategy": "steps", "save_steps": 2}
    make_trainer(**said).train()
    # As if it had been killed between its last save and the deletion after it.
    assert len(list((tmp_path / "out").glob("checkpoint-*"))) == 6
    make_trainer(resume_from_checkpoint="latest", save_total_limit=1, **said).train()
    assert [path.name for path in (tmp_path / "out").glob("checkpoint-*")] == ["checkpoint-12"]


@pytest.mark.parametrize("wanted, left", [("latest", [12]), ("checkpoint-6", [6, 12])])
def test_a_lower_limit_makes_room_before_the_first_save(
    make_trainer: Make, tmp_path: Path, wanted: str, left: list[int]
) -> None:
    """The disk may be full of what is too much now. What the run goes on from stays, and the newest."""
    out = tmp_path / "out"
    said: dict[str, Any] = {"save_strategy": "steps", "save_steps": 2}
    make_trainer(num_train_epochs=2, **said).train()
    seen: list[list[int]] = []

    class Looks(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            seen.append(_steps(out))

    named = wanted if wanted == "latest" else str(out / wanted)
    more: dict[str, Any] = {**said, "max_steps": 14, "save_total_limit": 1, "resume_from_checkpoint": named}
    make_trainer(callbacks=[Looks()], **more).train()
    assert seen[0] == left
    assert _steps(out) == [14]


def _steps(out: Path) -> list[int]:
    return sorted(int(path.name.partition("-")[2]) for path in out.glob("checkpoint-*"))


GOING_BACK: dict[str, Any] = {"max_steps": 6, "save_strategy": "steps", "save_steps": 1}


@pytest.mark.parametrize("limit", [1, 2])
def test_a_run_that_goes_back_keeps_its_own_checkpoints(
    make_trainer: Make, tmp_path: Path, limit: int, caplog: pytest.LogCaptureFixture
) -> None:
    make_trainer(**GOING_BACK).train()
    back = {"resume_from_checkpoint": str(tmp_path / "out" / "checkpoint-2"), "learning_rate": 0.03}
    with caplog.at_level("INFO"):
        make_trainer(**{**GOING_BACK, "max_steps": 4, "save_total_limit": limit}, **back).train()
    (told,) = (entry.getMessage() for entry in caplog.records if "RUN225" in entry.getMessage())
    assert "goes back to checkpoint-2" in told and "checkpoint-3, checkpoint-4, checkpoint-5 and 1 more" in told
    assert _steps(tmp_path / "out") == [4] if limit == 1 else [3, 4]
    saved = open_checkpoint(tmp_path / "out" / "checkpoint-4")
    assert json.loads(saved.read("resolved_args.json"))["learning_rate"]["value"] == 0.03


@pytest.mark.parametrize("wanted", ["latest", "auto", True])
def test_who_goes_on_after_a_run_that_went_back_goes_on_from_it(
    make_trainer: Make, tmp_path: Path, wanted: str | bool
) -> None:
    """Killed after its first save: what it left behind is further, and no part of it."""
    make_trainer(**GOING_BACK).train()
    back = make_trainer(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-2"), **{**GOING_BACK, "max_steps": 3})
    back.train()
    assert _steps(tmp_path / "out") == [1, 2, 3, 4, 5, 6]
    onward = make_trainer(resume_from_checkpoint=wanted, **GOING_BACK)
    onward.train()
    assert len(onward.model.seen) == 3, "updates 4 to 6"
    # And whoever goes on from that: nothing is left behind any more.
    again = make_trainer(resume_from_checkpoint=wanted, **{**GOING_BACK, "max_steps": 7})
    again.train()
    assert len(again.model.seen) == 1


@pytest.mark.parametrize("wanted", ["latest", "auto", "checkpoint-2"])
def test_who_goes_on_after_a_run_that_went_back_and_died_goes_back_too(
    make_trainer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    """Before its first save: a restart of the same job must not go on with what was left behind."""
    out = tmp_path / "out"
    make_trainer(**GOING_BACK).train()
    back: dict[str, Any] = {**GOING_BACK, "save_steps": 3, "resume_from_checkpoint": str(out / "checkpoint-2")}
    with monkeypatch.context() as patched, pytest.raises(PulledPlug):
        # As of one that is killed.
        patched.setattr("trainspec.training.run.session.rescue", lambda *_, **__: None)
        make_trainer(callbacks=[Plug(3)], **back).train()
    named = wanted if not wanted.startswith("checkpoint") else str(out / wanted)
    onward = make_trainer(**{**back, "resume_from_checkpoint": named})
    onward.train()
    assert len(onward.model.seen) == 4, "updates 3 to 6"
    # From its save on the mark is gone: who is newest is in the checkpoints themselves.
    assert [found.place for found in list_checkpoints(open_store(out))][-2:] == [(1, 3), (1, 6)]
    assert not list(out.glob(".went-back*"))


def test_who_goes_back_twice_leaves_the_first_time_behind(make_trainer: Make, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_trainer(**GOING_BACK).train()
    make_trainer(resume_from_checkpoint=str(out / "checkpoint-2"), **{**GOING_BACK, "max_steps": 5}).train()
    make_trainer(resume_from_checkpoint=str(out / "checkpoint-1"), **{**GOING_BACK, "max_steps": 2}).train()
    assert [found.place for found in list_checkpoints(open_store(out))] == [
        (0, 6),
        (1, 3),
        (1, 4),
        (1, 5),
        (0, 1),
        (2, 2),
    ]
    newest = newest_valid(open_store(out))
    assert newest is not None and newest.step == 2


def test_an_old_checkpoint_that_may_not_be_read_hides_no_good_one(
    make_trainer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_trainer(**GOING_BACK).train()
    read = LocalStore.read_range

    def refused(store: LocalStore, name: str, *more: Any) -> bytes:
        if store.folder.name == "checkpoint-2":
            raise PermissionRefused(store.url, "read", "permission refused")
        return read(store, name, *more)

    monkeypatch.setattr(LocalStore, "read_range", refused)
    newest = newest_valid(open_store(tmp_path / "out"))
    assert newest is not None and newest.step == 6
