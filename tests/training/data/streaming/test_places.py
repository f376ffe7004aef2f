"""Promise: a walk through a stream goes on behind what was used of it, whoever reads it and however far ahead; a stream
that tells where it is reads nothing again."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
import torch
from tests.training.data.streaming.streams import (
    ByIterator,
    Loader,
    Plain,
    Shuffling,
    Stated,
    Unsavable,
    loader_of,
    numbers_of,
)
from torch.utils.data import DataLoader, default_collate, get_worker_info

from trainspec.training.data import DataPosition, Place, batches_at, position_in
from trainspec.training.data.streaming.place import place_bytes, place_of

STATED = [Stated, ByIterator, Loader]
KINDS = [Plain, Shuffling, Unsavable, *STATED]


def drawing(rows: list[Any]) -> Any:
    batch = default_collate(rows)
    return {**batch, "labels": batch["labels"] + torch.rand(())}


def used(loader: Any, batches: int, epoch: int = 0) -> tuple[list[Any], DataPosition, Place]:
    """All batches, of which so many are used; and where that is, as a checkpoint has it. The next is looked at."""
    walk = batches_at(loader, position_in(loader, epoch=epoch, rows=0, seed=1))
    taken = list(islice(walk.batches, batches))
    ahead = list(islice(walk.batches, 1))
    walk.advance(taken)
    place = walk.place()
    assert place is not None
    position = replace(position_in(loader, epoch=epoch, rows=walk.row, seed=1), order=walk.mark())
    return taken + ahead + list(walk.batches), position, place_of(place_bytes(place))


def same(some: list[Any], others: list[Any]) -> bool:
    assert numbers_of(some) == numbers_of(others)
    return all(torch.equal(one[name], other[name]) for one, other in zip(some, others, strict=True) for name in one)


@pytest.mark.parametrize("collate", [default_collate, drawing])
@pytest.mark.parametrize("kind", KINDS)
def test_it_goes_on_behind_what_is_used(kind: type[Any], collate: Any, caplog: pytest.LogCaptureFixture) -> None:
    more = {} if kind is Loader else {"collate_fn": collate}
    for batches in (1, 4, 7, 8):
        whole, position, place = used(loader_of(kind, **more), batches, epoch=1)
        loader = loader_of(kind, **more)
        walk = batches_at(loader, position, place=place)
        assert walk.row == position.rows and walk.passed == batches
        read = (loader if kind is Loader else loader.dataset).read
        # The batch after the place, and before it what has to be taken again.
        assert read == min(29, 4 * (batches + 1)) - (min(29, 4 * batches) if kind in STATED else 0)
        assert same(list(walk.batches), whole[batches:])
    assert not [record for record in caplog.records if "cannot be saved: what is a" not in record.message]


# In the middle of a round, after the first worker has ended, at the end.
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize(
    ("kind", "workers", "cuts"),
    [
        (Shuffling, 2, [3, 6]),
        (Shuffling, 3, [4, 8]),
        (Stated, 1, [2]),
        (Stated, 2, [6]),
        (Stated, 3, [4, 7]),
        (ByIterator, 2, [3]),
    ],
)
def test_so_do_workers_each_at_its_own_place(
    kind: type[Any], workers: int, cuts: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    more = {"num_workers": workers, "collate_fn": drawing}
    for batches in cuts:
        whole, position, place = used(loader_of(kind, **more), batches)
        rows = 29 if workers > 1 else 14
        assert sorted(n for batch in numbers_of(whole) for n in batch) == list(range(rows))
        walk = batches_at(loader_of(kind, **more), position, place=place)
        assert same(list(walk.batches), whole[batches:])
    assert not caplog.records


class Epochs(Shuffling):
    """Told its epoch, it gives other rows."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch, self.held = 0, random.Random(5)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def numbers(self) -> list[int]:
        numbers = [100 * self.epoch + number for number in super().numbers()]
        self.held.shuffle(numbers)
        return numbers


def test_workers_that_stay_are_told_of_every_epoch() -> None:
    more = {"num_workers": 2, "persistent_workers": True}
    loader, there = loader_of(Epochs, **more), loader_of(Epochs, **more)
    used(loader, 1, epoch=0)
    whole, position, place = used(loader, 3, epoch=1)
    assert sorted(n for batch in numbers_of(whole) for n in batch) == list(range(100, 129))
    assert same(list(batches_at(there, position, place=place).batches), whole[3:])
    following, again = (used(each, 1, epoch=2)[0] for each in (loader, there))
    assert same(following, again) and min(numbers_of(following)[0]) >= 200


def test_started_in_another_way_workers_go_to_their_places_too() -> None:
    more = {"num_workers": 1, "multiprocessing_context": "spawn"}
    whole, position, place = used(loader_of(Shuffling, num_workers=1), 2)
    walk = batches_at(loader_of(Shuffling, **more), position, place=place)
    assert same(list(walk.batches), whole[2:])


def test_another_batch_size_goes_on_with_the_next_row(caplog: pytest.LogCaptureFixture) -> None:
    for kind in (Plain, Stated):
        _, position, place = used(loader_of(kind), 3)
        walk = batches_at(loader_of(kind, size=5), position, place=place)
        assert [n for batch in numbers_of(list(walk.batches)) for n in batch] == list(range(12, 29))
        assert walk.passed == 2
    assert not caplog.records


def test_rows_that_a_stream_batches_itself() -> None:
    for kind in (Plain, Stated):
        whole, position, place = used(DataLoader(kind(), batch_size=None), 3)
        walk = batches_at(DataLoader(kind(), batch_size=None), position, place=place)
        assert [int(batch["number"]) for batch in walk.batches] == [int(batch["number"]) for batch in whole[3:]]


def test_what_a_worker_is_given_looks_like_the_stream() -> None:
    loader = loader_of(Plain, num_workers=2, worker_init_fn=halved)
    whole, position, place = used(loader, 1)
    assert sorted(n for batch in numbers_of(whole) for n in batch) == list(range(14))
    walk = batches_at(loader_of(Plain, num_workers=2, worker_init_fn=halved), position, place=place)
    assert same(list(walk.batches), whole[1:])


def halved(worker: int) -> None:
    info = get_worker_info()
    assert info is not None and isinstance(info.dataset, Plain)
    info.dataset.rows //= 2


def test_a_script_keeps_its_loader_as_it_is() -> None:
    loader = loader_of(Stated)
    dataset, collate = loader.dataset, loader.collate_fn
    used(loader, 2)
    assert loader.dataset is dataset and loader.collate_fn is collate
    dataset.place["at"] = 0
    assert len(next(iter(loader))["number"]) == 4


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("workers", [0, 2])
def test_streams_of_the_library_datasets(shuffled: bool, workers: int) -> None:
    """Their state is exact unless they have a buffer of rows that they shuffle: then rows are taken again."""
    datasets = pytest.importorskip("datasets")

    def loader() -> Any:
        table = datasets.Dataset.from_dict({"number": list(range(40))}).to_iterable_dataset(num_shards=4)
        stream = table.shuffle(seed=3, buffer_size=6) if shuffled else table
        return DataLoader(stream.map(lambda entry: {"twice": 2 * entry["number"]}), batch_size=4, num_workers=workers)

    whole, position, place = used(loader(), 5, epoch=1)
    assert place.has_states != shuffled
    assert sorted(n for batch in numbers_of(whole) for n in batch) == list(range(40))
    assert same(list(batches_at(loader(), position, place=place).batches), whole[5:])
