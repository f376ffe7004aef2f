"""Loaders that are not ours are dealt out batch by batch: each row to one process, from any row on."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from tests.training.small_job import Rows
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, IterableDataset, RandomSampler

from trainspec.training.data import DataPosition, Sharing, SharingError, batches_at, batches_in_epoch
from trainspec.training.data.sharing.streams import part_of

NUMBERS = torch.arange(23)


class Touched(Rows):
    def __getitem__(self, index: int) -> Any:
        return super().__getitem__(index)["number"]


class Stream(IterableDataset[Tensor]):
    def __iter__(self) -> Iterator[Tensor]:
        return iter(NUMBERS)


class CutStream(Stream):
    """As data sets of Hugging Face: a part of every n-th row."""

    def __init__(self, first: int = 0, step: int = 1) -> None:
        self.first, self.step = first, step

    def __iter__(self) -> Iterator[Tensor]:
        return iter(NUMBERS[self.first :: self.step])

    def shard(self, num_shards: int, index: int) -> "CutStream":
        return CutStream(index, num_shards)


LOADERS: dict[str, Callable[[], Any]] = {
    "in order": lambda: DataLoader(NUMBERS, batch_size=4),
    "shuffled": lambda: DataLoader(NUMBERS, batch_size=4, shuffle=True),
    "own batches": lambda: DataLoader(NUMBERS, batch_sampler=BatchSampler(RandomSampler(NUMBERS), 4, drop_last=False)),
    "row by row": lambda: DataLoader(NUMBERS, batch_size=None, shuffle=True),
    "batches in a list": lambda: [NUMBERS[:4], NUMBERS[4:8], NUMBERS[8:15], NUMBERS[15:]],
}


def _rows(batches: list[Tensor]) -> list[int]:
    return [number for batch in batches for number in batch.reshape(-1).tolist()]


def _walked(make: Callable[[], Any], rank: int, size: int, rows: int = 0, epoch: int = 1) -> tuple[Any, list[Tensor]]:
    walk = batches_at(make(), DataPosition(epoch, rows, 3), Sharing(rank, size))
    batches = list(walk.batches)
    return walk, [batch for place, batch in enumerate(batches) if not walk.is_filler(place)]


@pytest.mark.parametrize("name", LOADERS)
def test_every_row_goes_to_one_process_in_the_order_of_one(name: str) -> None:
    alone = _rows(_walked(LOADERS[name], 0, 1)[1])
    for size in (2, 3):
        walks = [_walked(LOADERS[name], rank, size) for rank in range(size)]
        steps = max(len(batches) for _, batches in walks)
        together = [batches[step] for step in range(steps) for _, batches in walks if step < len(batches)]
        assert _rows(together) == alone
        (first, batches), *_ = walks
        assert first.advance(batches) == 23, "the place counts the rows of all"


@pytest.mark.parametrize("name", ["in order", "shuffled", "batches in a list"])
def test_others_go_on_behind_what_was_used(name: str) -> None:
    alone = _rows(_walked(LOADERS[name], 0, 1)[1])
    walks = [batches_at(LOADERS[name](), DataPosition(1, 0, 3), Sharing(rank, 2)) for rank in range(2)]
    first = [next(walk.batches) for walk in walks]
    row = walks[0].advance(first[:1])
    assert row == 8 and _rows(first) == alone[:8]
    rest = [_walked(LOADERS[name], rank, 3, row)[1] for rank in range(3)]
    assert sorted(_rows([batch for part in rest for batch in part])) == sorted(alone[8:])
    inside = [_walked(LOADERS[name], rank, 2, 5)[1] for rank in range(2)]
    assert sorted(_rows([batch for part in inside for batch in part])) == sorted(alone[5:]), "from inside of a batch"


def test_rows_of_others_are_not_loaded() -> None:
    rows = Touched(24)
    walk = batches_at(DataLoader(rows, batch_size=4, shuffle=True), DataPosition(0, 8, 3), Sharing(1, 2))
    assert len(_rows(list(walk.batches))) == len(rows.touched) == 8, "two of the four batches that are left"


def test_a_process_without_any_batch_keeps_step_with_one_that_does_not_count() -> None:
    loader = DataLoader(NUMBERS[:3], batch_size=4)
    walks = [batches_at(loader, DataPosition(0, 0, 3), Sharing(rank, 2)) for rank in range(2)]
    assert [_rows(list(walk.batches)) for walk in walks] == [[0, 1, 2]] * 2
    assert [walk.is_filler(0) for walk in walks] == [False, True]


def test_a_step_that_some_have_no_batch_for_is_dropped() -> None:
    walks = [
        batches_at(LOADERS["in order"](), DataPosition(0, 0, 3), Sharing(rank, 4, drops=True)) for rank in range(4)
    ]
    assert [_rows(list(walk.batches)) for walk in walks] == [list(range(start, start + 4)) for start in (0, 4, 8, 12)]
    assert [walk.left_out() for walk in walks] == [4, 3, 0, 0]


def test_a_sampler_that_shares_out_by_itself_is_left_alone() -> None:
    def make(rank: int, replicas: int = 2) -> Any:
        sampler = DistributedSampler(NUMBERS, num_replicas=replicas, rank=rank, shuffle=False)  # type: ignore[arg-type]
        return DataLoader(NUMBERS, batch_size=4, sampler=sampler)

    seen = [_rows(_walked(lambda rank=rank: make(rank), rank, 2)[1]) for rank in range(2)]  # type: ignore[misc]
    assert seen == [list(range(0, 23, 2)), [*range(1, 23, 2), 0]]
    with pytest.raises(SharingError, match="among 2 processes by a DistributedSampler, but 3 read it"):
        _walked(lambda: make(0), 0, 3)
    assert batches_in_epoch(make(0), Sharing(0, 2)) == 3


def test_batches_of_an_epoch_are_those_of_one_process() -> None:
    loader = LOADERS["in order"]()
    assert [batches_in_epoch(loader, Sharing(0, size)) for size in (1, 2, 4, 7)] == [6, 3, 2, 1]
    assert batches_in_epoch(loader, Sharing(0, 4, drops=True)) == 1
    assert batches_in_epoch(DataLoader(Stream(), batch_size=4), Sharing(0, 2)) is None


def test_streams_are_cut_where_they_say_how() -> None:
    parts = [part_of(CutStream(), Sharing(rank, 3)) for rank in range(3)]
    assert [[int(row) for row in part] for part in parts] == [list(range(start, 23, 3)) for start in range(3)]
    assert part_of(Stream(), Sharing(0, 3)) is None
    few = CutStream()
    few.num_shards = 2  # type: ignore[attr-defined]
    assert part_of(few, Sharing(0, 3)) is None, "rank 0 reads for all"
    assert part_of(few, Sharing(0, 2)) is not None


def test_streams_of_hugging_face_are_cut_by_node() -> None:
    datasets = pytest.importorskip("datasets")
    stream = datasets.Dataset.from_dict({"number": list(range(23))}).to_iterable_dataset(num_shards=5).shuffle(seed=3)
    parts = [part_of(stream, Sharing(rank, 2)) for rank in range(2)]
    for epoch in range(2):
        for part in parts:
            part.set_epoch(epoch)
        numbers = [[row["number"] for row in part] for part in parts]
        assert sorted(numbers[0] + numbers[1]) == list(range(23)) and all(numbers)
