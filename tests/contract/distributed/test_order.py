"""Settings of the data's order that several processes read, each by what it does in real ones."""

from itertools import chain
from typing import Any

import pytest
import torch
from tests.training.ranks import differences, train_in
from tests.training.small_job import Rows
from torch import Tensor

TWENTY_FOUR = Rows(24, torch.float64)


def _seen(runs: list[dict[str, Any]]) -> list[list[list[int]]]:
    return [run["seen"] for run in runs]


def test_data_seed_orders_the_rows_for_any_number_of_processes() -> None:
    alone = train_in(1, TWENTY_FOUR, per_device_train_batch_size=4, data_seed=7)[0]
    for size, batch in ((2, 2), (4, 1)):
        steps = zip(*_seen(train_in(size, TWENTY_FOUR, per_device_train_batch_size=batch, data_seed=7)), strict=True)
        assert [[*chain(*step)] for step in steps] == alone["seen"]


@pytest.mark.parametrize("count", [9, 10, 11])
def test_dataloader_drop_last_leaves_out_what_fills_no_step(count: int) -> None:
    """Also where it fills the batch of one process, and not that of the other."""
    known = {"dataloader_drop_last": True, "num_train_epochs": 2}
    alone = train_in(1, Rows(count, torch.float64), per_device_train_batch_size=4, **known)[0]
    runs = train_in(2, Rows(count, torch.float64), **known)
    assert [list(map(len, run["seen"])) for run in runs] == [[2] * 4] * 2 and runs[0]["steps"] == 4
    assert [[*chain(*step)] for step in zip(*_seen(runs), strict=True)] == alone["seen"]


class Noisy(Rows):
    def __getitem__(self, index: int) -> dict[str, Tensor]:
        row = super().__getitem__(index)
        return {**row, "inputs": row["inputs"] + torch.rand(4, dtype=torch.float64)}


def test_dataloader_persistent_workers_draw_what_those_of_one_process_draw() -> None:
    known = {"dataloader_num_workers": 1, "dataloader_persistent_workers": True, "num_train_epochs": 2}
    rows = Noisy(12, torch.float64)
    alone = train_in(1, rows, per_device_train_batch_size=2, gradient_accumulation_steps=2, **known)[0]
    runs = train_in(2, rows, per_device_train_batch_size=2, **known)
    assert all(differences(run, alone) < 1e-9 for run in runs), "the same noise for the same rows"


def _lengths(count: int = 64) -> list[int]:
    return (torch.randperm(count, generator=torch.Generator().manual_seed(1)) + 1).tolist()


class Long(Rows):
    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**super().__getitem__(index), "length": _lengths()[index]}


def test_group_by_length_makes_batches_of_a_step_of_similar_length() -> None:
    known = {"group_by_length": True, "per_device_train_batch_size": 4}
    runs = train_in(2, Long(64, torch.float64), **known)
    lengths = _lengths()
    steps = [[lengths[row] for batch in step for row in batch] for step in zip(*_seen(runs), strict=True)]
    assert sorted(chain(*steps)) == list(range(1, 65))
    assert max(steps[0]) == 64, "the longest comes first"
    grouped = sum(max(step) - min(step) for step in steps)
    mixed = train_in(2, Long(64, torch.float64), per_device_train_batch_size=4)
    free = [[lengths[row] for batch in step for row in batch] for step in zip(*_seen(mixed), strict=True)]
    assert grouped < 0.6 * sum(max(step) - min(step) for step in free)
    alone = train_in(1, Long(64, torch.float64), group_by_length=True, per_device_train_batch_size=8)[0]
    assert [[*chain(*step)] for step in zip(*_seen(runs), strict=True)] == alone["seen"]
