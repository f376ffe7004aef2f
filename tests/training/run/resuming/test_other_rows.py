"""A run does not go on in the middle of an epoch with rows of other data, and cries no wolf over the same."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Make, Rows, rows_of
from torch import Tensor
from torch.utils.data import IterableDataset

from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.run.resuming.first_rows import first_rows, other_rows

SAVED: dict[str, Any] = {"max_steps": 2, "save_strategy": "steps", "save_steps": 1}
RESUMED: dict[str, Any] = {"max_steps": 3, "resume_from_checkpoint": "latest"}


class Others(Rows):
    """As many rows, of other numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs = self.inputs + 1


class Changed(Rows):
    """Each reading of a row adds noise to its inputs, from a generator of its own or the program's."""

    def __init__(self, own: bool) -> None:
        super().__init__()
        # Not seeded: another process would draw other numbers.
        self.generator = random.SystemRandom() if own else random

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        row = super().__getitem__(index)
        return {**row, "inputs": row["inputs"] + self.generator.random()}


class Words(Rows):
    """Rows with texts, numbers, nothing, and an object that says nothing stable of itself."""

    def __getitem__(self, index: int) -> Any:
        return {"text": f"row {index}", "nested": [{"a": [1, 2.5, None]}], "set": {"a", "b"}, "thing": object()}


class Stream(IterableDataset[int]):
    def __iter__(self) -> Any:
        raise AssertionError("a stream is not read")


def test_other_rows_in_the_middle_of_an_epoch_are_refused_before_anything_is_written(
    make_trainer: Make, tmp_path: Path
) -> None:
    make_trainer(**SAVED).train()
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*") if path.is_file())
    with pytest.raises(PreflightError) as caught:
        make_trainer(train_dataset=Others(), **RESUMED).train()
    (item,) = caught.value.diagnostics
    assert item.code == "RUN122" and "inputs of row 0" in item.reason
    assert "ignore_data_skip: true" in item.remedy
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*") if path.is_file()) == before


def test_so_are_they_between_two_epochs_but_not_more_rows_behind_them(make_trainer: Make) -> None:
    make_trainer(num_train_epochs=1, save_strategy="epoch").train()
    more = {"num_train_epochs": 2, "save_strategy": "no", "resume_from_checkpoint": "latest"}
    with pytest.raises(PreflightError) as caught:
        make_trainer(train_dataset=Others(), **more).train()
    (item,) = caught.value.diagnostics
    assert item.code == "RUN122" and "all rows before epoch 1 were used of other training data" in item.reason
    longer = Rows(2 * len(Rows()))
    assert make_trainer(train_dataset=longer, **more).train().global_step > 0


def test_ignore_data_skip_takes_them(make_trainer: Make) -> None:
    make_trainer(**SAVED).train()
    resumed = make_trainer(train_dataset=Others(), ignore_data_skip=True, **RESUMED)
    resumed.train()
    assert len(rows_of(resumed)) == 4
    assert resumed.state.first_rows == first_rows(Others())


@pytest.mark.parametrize("own", [True, False], ids=["own generator", "the program's"])
def test_random_changes_of_rows_are_not_taken_for_other_data(make_trainer: Make, own: bool) -> None:
    make_trainer(train_dataset=Changed(own), **SAVED).train()
    random.seed(99)
    make_trainer(train_dataset=Changed(own), **RESUMED).train()
    assert {name.partition(".")[2] for name in first_rows(Changed(own))} == {"labels", "number"}


def test_looking_draws_no_random_number() -> None:
    states = random.getstate(), torch.get_rng_state()
    first_rows(Changed(own=False))
    assert random.getstate() == states[0] and torch.equal(torch.get_rng_state(), states[1])


def test_streams_are_not_read() -> None:
    assert first_rows(Stream()) == {}


def test_what_changes_between_runs_of_python_is_left_out() -> None:
    # As every Python gives them, which hash texts in ways of their own; the rest has none.
    found = {name: mark for name, mark in first_rows(Words()).items() if name.startswith("0.")}
    assert found == {"0.text": "604da6c69765318e", "0.nested": "4973aca0ed7559a6"}


def test_a_column_more_or_less_is_no_other_data() -> None:
    saved = first_rows(Rows())
    assert other_rows({}, saved) is None
    assert other_rows({name: mark for name, mark in saved.items() if "number" not in name}, saved) is None
    assert other_rows(saved, first_rows(Others())) == "inputs of row 0"
