"""A run that is made longer goes on with the row after its last, wherever in an epoch that was."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Make, rows_of, weights


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
