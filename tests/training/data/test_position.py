"""A run goes on at the row where it stopped, whatever the batch size is now: no row is lost and none comes twice."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Any

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.training.small_job import Rows
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset, RandomSampler

from trainspec.training.data import (
    DataPosition,
    DataPositionError,
    EpochSampler,
    GroupedEpochSampler,
    batches_at,
    mismatch,
    position_in,
    position_of_format_1,
)
from trainspec.training.data.position import rest_of, rows_of
from trainspec.training.data.rows import Streamed

ROWS = 22


def numbers(batches: Any) -> list[int]:
    return list(chain.from_iterable(batch.tolist() for batch in batches))


class Numbered(Dataset[int]):
    def __init__(self) -> None:
        self.loaded: list[int] = []

    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, index: int) -> int:
        self.loaded.append(index)
        return index


def ours(size: int, **known: Any) -> Any:
    return DataLoader(Numbered(), batch_size=size, sampler=EpochSampler(ROWS, 3), **known)


def own_batches(size: int) -> Any:
    return DataLoader(Numbered(), batch_sampler=BatchSampler(RandomSampler(range(ROWS)), size, drop_last=False))


MAKERS: dict[str, Callable[[int], Any]] = {
    "ours": ours,
    "our order in batches of their own": lambda size: DataLoader(
        Numbered(), batch_sampler=BatchSampler(EpochSampler(ROWS, 3), size, drop_last=False)
    ),
    "shuffled": lambda size: DataLoader(Numbered(), batch_size=size, shuffle=True),
    "own batches": own_batches,
    "stream": lambda size: DataLoader(Streamed(iter_of_rows()), batch_size=size),
    "list": lambda size: list(torch.arange(ROWS).split(size)),
}


def iter_of_rows() -> list[int]:
    return list(range(ROWS))


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 30))
def test_another_batch_size_goes_on_at_the_right_row(
    make: Callable[[int], Any], before: int, after: int, used: int
) -> None:
    walk = batches_at(make(before), DataPosition(1, 0, seed=5))
    seen = list(islice(walk.batches, used))
    row = walk.advance(seen)
    assert row == len(numbers(seen))
    resumed = batches_at(make(after), DataPosition(1, row, seed=5))
    assert resumed.row == row
    rest = list(resumed.batches)
    assert sorted(numbers(seen) + numbers(rest)) == list(range(ROWS))
    assert resumed.advance(rest) == ROWS
    whole = numbers(batches_at(make(before), DataPosition(1, 0, seed=5)).batches)
    assert numbers(seen) + numbers(rest) == whole


@pytest.mark.parametrize("size", [4, 5])
def test_no_row_before_is_loaded_where_the_order_is_ours(size: int) -> None:
    loader = ours(size)
    left = numbers(batches_at(loader, DataPosition(0, 9, 1)).batches)
    assert loader.dataset.loaded == left and len(left) == ROWS - 9


def test_rows_count_as_the_order_has_them_whatever_a_collator_makes_of_them() -> None:
    def odd_ones_only(rows: list[int]) -> Tensor:
        return torch.tensor([row for row in rows if row % 2])

    whole = numbers(batches_at(ours(4, collate_fn=odd_ones_only), DataPosition(0, 0, 1)).batches)
    walk = batches_at(ours(4, collate_fn=odd_ones_only), DataPosition(0, 0, 1))
    seen = list(islice(walk.batches, 2))
    assert walk.advance(seen) == 8
    rest = batches_at(ours(7, collate_fn=odd_ones_only), DataPosition(0, 8, 1)).batches
    assert numbers(seen) + numbers(rest) == whole == [row for row in whole if row % 2]


def test_dropping_the_last_batch_drops_no_other_row() -> None:
    walk = batches_at(ours(4, drop_last=True), DataPosition(0, 3, 1))
    used = list(walk.batches)
    assert len(numbers(used)) == 16 and walk.advance(used) == 19


LENGTHS = numpy.random.default_rng(0).integers(1, 50, ROWS)


def grouped(size: int) -> Any:
    return DataLoader(Numbered(), batch_size=size, sampler=GroupedEpochSampler(LENGTHS, size, 3))


def test_an_order_by_length_is_gone_through_as_it_was_begun() -> None:
    first, second = grouped(2), grouped(5)
    orders = [
        [numbers(batches_at(loader, DataPosition(e, 0, 1)).batches) for e in (0, 1)] for loader in (first, second)
    ]
    assert orders[0][0] != orders[1][0]
    list(batches_at(first, DataPosition(0, 0, 1)).batches)
    position = position_in(first, epoch=0, rows=6, seed=1)
    assert position == DataPosition(0, 6, 1, ROWS, grouping=2)
    assert numbers(batches_at(second, position).batches) == orders[0][0][6:]
    # Who stops once more in this epoch goes on from the position it began with; the next epoch has an order of its own.
    assert numbers(batches_at(second, replace(position, rows=11)).batches) == orders[0][0][11:]
    assert position_in(second, epoch=1, rows=0, seed=1).grouping == 5
    assert numbers(batches_at(second, DataPosition(1, 0, 1, ROWS, grouping=2)).batches) == orders[1][1]
    assert position_in(second, epoch=1, rows=5, seed=1).grouping == 5


class Stream(IterableDataset[int]):
    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.rows))


def test_data_that_ends_earlier_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    walk = batches_at(DataLoader(Stream(6), batch_size=4), DataPosition(0, 8, 1))
    assert list(walk.batches) == [] and walk.row == 6
    assert "epoch 0 has ended after 6 rows; 8 were used before" in caplog.text


def test_positions_in_loaders() -> None:
    known = {"epoch": 2, "rows": 4, "seed": 7}
    assert position_in(ours(4), **known) == DataPosition(2, 4, 7, ROWS)
    assert position_in(DataLoader(Stream(9), batch_size=4, num_workers=1), **known) == DataPosition(2, 4, 7)
    # Which worker has which row is nobody's choice but theirs.
    assert position_in(DataLoader(Stream(9), batch_size=4, num_workers=2), **known) == DataPosition(
        2, 4, 7, readers=(2, 4)
    )
    assert position_in([torch.ones(2)], **known) == DataPosition(2, 4, 7)


@pytest.mark.parametrize("position", [DataPosition(1, 2, 3), DataPosition(1, 2, 3, 4, 5, (2, 8), 7)])
def test_a_position_is_json(position: DataPosition) -> None:
    document = json.loads(json.dumps(position.to_dict()))
    assert DataPosition.from_dict({**document, "of_later": 1}) == position


THEN = DataPosition(1, 1200, 3, 5000)
MISMATCHES: list[tuple[str, DataPosition, DataPosition, str | None]] = [
    ("the same", THEN, DataPosition(1, 0, 3, 5000), None),
    (
        "longer",
        THEN,
        DataPosition(1, 0, 3, 5001),
        "1,200 rows of epoch 1 were used when .* 5,000 rows, now it has 5,001",
    ),
    ("another seed", THEN, DataPosition(1, 0, 4, 5000), "order of data seed 3, now it is 4"),
    ("of no known length", DataPosition(1, 9, 3), DataPosition(1, 0, 3, 5000), None),
    ("nothing used up yet", DataPosition(2, 0, 3, 5000), DataPosition(2, 0, 4, 9), None),
    (
        "grouped before",
        DataPosition(1, 9, 3, 8, 16),
        DataPosition(1, 0, 3, 8),
        "were grouped by length, now they are not",
    ),
    ("grouped now", DataPosition(1, 9, 3, 8), DataPosition(1, 0, 3, 8, 16), "were not grouped .* now they are grouped"),
    ("another grouping", DataPosition(1, 9, 3, 8, 16), DataPosition(1, 0, 3, 8, 32), None),
    (
        "other workers",
        DataPosition(1, 9, 3, readers=(2, 4)),
        DataPosition(1, 9, 3),
        "by 2 workers in turn, 4 rows each, now by one process",
    ),
]


@pytest.mark.parametrize("then, now, told", [row[1:] for row in MISMATCHES], ids=[row[0] for row in MISMATCHES])
def test_mismatch(then: DataPosition, now: DataPosition, told: str | None) -> None:
    found = mismatch(then, now)
    assert found is None if told is None else re.search(told, found or "")


def test_positions_of_format_1_count_batches() -> None:
    old = position_of_format_1(epoch=1, batch_in_epoch=3, batch_size=4, seed=5, length=ROWS)
    assert old.rows == 12 and mismatch(old, DataPosition(1, 0, 5, ROWS)) is None
    assert position_of_format_1(epoch=1, batch_in_epoch=6, batch_size=4, seed=5, length=ROWS).rows == ROWS
    # Ours goes on at the row, also with other batches; somebody else's had batches of another size than is known.
    whole = numbers(batches_at(ours(4), DataPosition(1, 0, 5)).batches)
    for size in (4, 5):
        assert numbers(batches_at(ours(size), old).batches) == whole[12:]
    walk = batches_at(own_batches(7), old)
    assert walk.row == 21 and len(numbers(walk.batches)) == 1


TENSOR = torch.arange(6).reshape(3, 2)
BATCHES: list[tuple[str, Any, Any]] = [
    ("tensor", TENSOR, TENSOR[2:]),
    ("columns", (TENSOR, torch.tensor([1, 2, 3])), (TENSOR[2:], torch.tensor([3]))),
    (
        "mapping",
        {"x": TENSOR, "scale": torch.tensor(2.0), "n": 5},
        {"x": TENSOR[2:], "scale": torch.tensor(2.0), "n": 5},
    ),
    ("texts", {"x": TENSOR, "text": ["a", "b", "c"]}, {"x": TENSOR[2:], "text": ["c"]}),
    ("as many columns as rows", [TENSOR, TENSOR, TENSOR], [TENSOR[2:]] * 3),
]


@pytest.mark.parametrize("batch, rest", [row[1:] for row in BATCHES], ids=[row[0] for row in BATCHES])
def test_rest_of_a_batch(batch: Any, rest: Any) -> None:
    found = rest_of(batch, 2)
    assert type(found) is type(rest)
    assert repr(found) == repr(rest)


@pytest.mark.parametrize(
    "batch",
    [
        {"x": TENSOR, "boxes": torch.ones(5, 4)},
        {"x": TENSOR, "targets": [{"boxes": torch.ones(3, 4)}] * 3},
        {"x": TENSOR, "thing": object()},
    ],
    ids=["another-length", "a-list-of-anything", "anything"],
)
def test_what_cannot_be_taken_apart_is_refused(batch: Any) -> None:
    with pytest.raises(DataPositionError, match=r"after row 2 of a batch of 3.*ignore_data_skip"):
        batches_at([batch, batch], DataPosition(0, 5, 1))
    assert list(batches_at([batch, batch], DataPosition(0, 3, 1)).batches) == [batch]


def test_what_has_no_rows_is_a_step() -> None:
    texts = ["one", "two", "three"]
    assert [rows_of(text) for text in texts] == [1, 1, 1] and rows_of({"inputs": Rows(4).inputs}) == 4
    assert list(batches_at(texts, DataPosition(0, 2, 1)).batches) == ["three"]
