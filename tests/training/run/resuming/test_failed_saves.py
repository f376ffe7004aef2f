"""Promise: whichever write of a save fails, the state names no checkpoint as the best that is not there and whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make
from torch import Tensor

from trainspec.storage import StorageError, open_store
from trainspec.storage.local import LocalStore
from trainspec.training.checkpoint import list_checkpoints, newest_valid, open_checkpoint
from trainspec.training.checkpoint.contents import unpack
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.state import TrainerState


class Scripted(Line):
    """Its evaluation losses are told beforehand."""

    def __init__(self, *losses: float) -> None:
        super().__init__()
        self.losses = list(losses)

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> Any:
        returned = super().forward(inputs, labels, number)
        return returned if self.training else {**returned, "loss": torch.tensor(self.losses.pop(0))}


class Failing:
    """Every operation of a local store, of which the one of that number fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], number: int) -> None:
        self.left = number
        self.patch = monkeypatch
        for name in names:
            self._watch(name)

    def _watch(self, operation: str) -> None:
        real = getattr(LocalStore, operation)

        def counted(store: LocalStore, *args: Any) -> Any:
            self.left -= 1
            if self.left == -1:
                raise StorageError(store.url, operation, "no space is left there")
            return real(store, *args)

        self.patch.setattr(LocalStore, operation, counted)


def assert_names_only_what_is_there(state: TrainerState) -> None:
    if state.best_model_checkpoint is not None:
        open_checkpoint(state.best_model_checkpoint).verify()


# The second epoch is the best one, the third is not.
RUN = {
    "num_train_epochs": 3,
    "save_strategy": "epoch",
    "eval_strategy": "epoch",
    "per_device_eval_batch_size": 10,
    "load_best_model_at_end": True,
    "save_total_limit": 1,
    "save_only_model": True,
}
WRITES = ("write", "write_bytes", "upload", "create")
DELETES = ("delete", "delete_tree")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("allowed", [0, 3], ids=["ends", "goes on"])
@pytest.mark.parametrize("operations", [WRITES, DELETES], ids=["writes", "deletes"])
@pytest.mark.parametrize("over_an_old_run", [False, True], ids=["alone", "over an old run"])
def test_a_failure_at_every_operation_in_turn(
    make_trainer: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    over_an_old_run: bool,
    operations: Any,
    allowed: int,
) -> None:
    seen: set[int | None] = set()
    for number in range(60):
        out = str(tmp_path / str(number))
        if over_an_old_run:
            make_trainer(output_dir=out, num_train_epochs=2, save_strategy="epoch").train()
        settings = {**RUN, "overwrite_output_dir": over_an_old_run, "save_failures_allowed": allowed}
        trainer = make_trainer(model=Scripted(2.0, 1.0, 3.0), output_dir=out, **settings)
        with monkeypatch.context() as patch:
            failing = Failing(patch, operations, number)
            try:
                trainer.train()
            except StorageError:
                assert failing.left < 0
            except PreflightError as refused:
                # What it begins with: to say that it is there.
                assert number == 0 and "RUN117" in str(refused)
        assert_names_only_what_is_there(trainer.state)
        store = open_store(out)
        for found in list_checkpoints(store):
            found.verify()
        newest = newest_valid(store)
        if newest is not None:
            assert_names_only_what_is_there(TrainerState.from_dict(dict(unpack(newest).trainer_state)))
        named = trainer.state.best_model_checkpoint
        seen.add(None if named is None else open_checkpoint(named).step)
        if failing.left >= 0:
            break
    else:
        pytest.fail("the run never got through")
    assert named == str(Path(out, "checkpoint-12"))
    # No deletion that fails costs a checkpoint; where nothing else deletes, none ends the run either.
    assert seen >= ({6, 12} if operations is WRITES else {12})


def test_a_run_that_goes_on_after_a_failed_save_keeps_the_best_there_is(
    make_trainer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(model=Scripted(2.0, 1.0, 3.0), **RUN)
    real, attempts = LocalStore.write, []

    def write(store: LocalStore, name: str, writer: Any) -> Any:
        if "checkpoint-12" in store.url:
            attempts.append(name)
            raise StorageError(store.url, "write", "no space is left there")
        return real(store, name, writer)

    monkeypatch.setattr(LocalStore, "write", write)
    trainer.train()
    assert attempts
    assert trainer.state.best_global_step == 12
    assert trainer.state.best_model_checkpoint == str(tmp_path / "out" / "checkpoint-6")
    assert [found.step for found in list_checkpoints(open_store(tmp_path / "out"))] == [6, 18]


def test_the_best_checkpoint_says_itself_that_it_is(make_trainer: Make, tmp_path: Path) -> None:
    settings = {**RUN, "save_total_limit": None}
    make_trainer(model=Scripted(2.0, 1.0, 3.0), **settings).train()
    named = {
        found.step: unpack(found).trainer_state["best_model_checkpoint"]
        for found in list_checkpoints(open_store(tmp_path / "out"))
    }
    best = {step: str(tmp_path / "out" / f"checkpoint-{step}") for step in (6, 12)}
    assert named == {6: best[6], 12: best[12], 18: best[12]}
    marked = [found.manifest.metadata["best"] for found in list_checkpoints(open_store(tmp_path / "out"))]
    assert marked == [True, True, False]


@pytest.mark.parametrize("fails", [True, False])
def test_the_best_checkpoint_written_anew(
    make_trainer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    by_loss = {"metric_for_best_model": "loss", "num_train_epochs": 2, "per_device_eval_batch_size": 10}
    steps = {"save_strategy": "steps", "save_steps": 6, "eval_strategy": "steps", "eval_steps": 6}
    make_trainer(model=Scripted(1.0, 2.0), **by_loss, **steps).train()
    # It was saved before its epoch ended, so that a run with save_strategy epoch saves the same step once more.
    resumed = make_trainer(model=Scripted(2.0, 2.0), **by_loss, save_strategy="epoch", eval_strategy="epoch")
    with monkeypatch.context() as patch:
        failing = Failing(patch, WRITES, 3 if fails else 999)
        try:
            resumed.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-6"))
        except StorageError:
            assert resumed.state.global_step == 6
    assert (failing.left < 0) is fails
    named = str(tmp_path / "out" / "checkpoint-6")
    # It is as it was until another is whole.
    assert resumed.state.best_model_checkpoint == named
    assert_names_only_what_is_there(resumed.state)
