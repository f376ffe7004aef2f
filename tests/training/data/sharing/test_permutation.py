"""An order of any number of rows that is computed place by place: each row once, in memory that no length changes."""

import tracemalloc
from itertools import chain, islice

import numpy
import pytest

from trainspec.training.data.sampler import EpochSampler, InOrderSampler
from trainspec.training.data.sharing.permutation import KeyedOrder
from trainspec.training.data.sharing.share import share

BILLION, PROCESSES, BATCH = 10**9, 1_000, 8


@pytest.mark.parametrize("length", [*range(70), 255, 256, 257, 1023, 1024, 1025, 5000])
def test_every_row_comes_once(length: int) -> None:
    for epoch in range(3):
        assert sorted(KeyedOrder(length, 7, epoch).at(range(length)).tolist()) == list(range(length))


def test_orders_of_epochs_and_seeds_have_nothing_in_common() -> None:
    orders = [KeyedOrder(10_000, seed, epoch).at(range(10_000)) for seed in (1, 2) for epoch in (0, 1)]
    orders.append(numpy.arange(10_000))
    for number, one in enumerate(orders):
        for other in orders[:number]:
            assert (one == other).sum() < 20, "a random one shares one place"
            assert abs(numpy.corrcoef(one, other)[0, 1]) < 0.05
    steps = numpy.diff(orders[0])
    assert (abs(steps) < 10).sum() < 60, "neighbours do not stay together"


def test_the_order_stays_what_it_is() -> None:
    assert KeyedOrder(BILLION, 42, 0).at(range(3)).tolist() == [463057155, 668893913, 51887142], "or no run resumes"


def _of_a_rank(rank: int, start: int = 0) -> EpochSampler:
    sampler = EpochSampler(BILLION, seed=3)
    sampler.share_with(rank, PROCESSES, BATCH)
    sampler.move_to(2, start)
    return sampler


def test_a_thousand_processes_read_a_billion_rows_each_once() -> None:
    """The places that they read are each place once, by `share`'s arithmetic; an order is a permutation of places, by
    construction, which the sampled ones show: they are all different, and in the range.
    """
    seen: list[int] = []
    for rank in range(PROCESSES):
        near_the_end = BILLION - 3 * BATCH * PROCESSES if rank % 2 else 0
        seen += islice(_of_a_rank(rank, near_the_end), 3 * BATCH)
    assert len(seen) == len(set(seen)) == 3 * BATCH * PROCESSES and min(seen) >= 0 and max(seen) < BILLION
    pieces = [list(share(range(BILLION), rank, PROCESSES, BATCH, BILLION - 20_000)) for rank in range(PROCESSES)]
    places = [place for parts in pieces for part in parts for place in part.rows[: part.real]]
    assert sorted(places) == list(range(BILLION - 20_000, BILLION))


def test_what_was_read_by_other_numbers_of_processes_is_not_read_again() -> None:
    def rows(world: int, steps: int, start: int) -> list[list[int]]:
        each = []
        for rank in range(world):
            sampler = EpochSampler(BILLION, seed=3)
            sampler.share_with(rank, world, BATCH)
            sampler.move_to(0, start)
            each.append(list(islice(sampler, steps * BATCH)))
        return each

    two, three = rows(2, 3, 0), rows(3, 2, 48)
    alone = EpochSampler(BILLION, seed=3)
    alone.move_to(0, 0)
    assert sorted(chain(*two, *three)) == sorted(islice(alone, 96))


def test_memory_does_not_grow_with_the_rows() -> None:
    tracemalloc.start()
    first = list(islice(_of_a_rank(999), 100))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(first) == 100 and most < 3_000_000, "a list of them would take 40 GB"


def test_a_small_order_is_the_list_that_it_always_was(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = list(EpochSampler(100, seed=5))
    monkeypatch.setattr(EpochSampler, "LISTED", 99)
    sampler = EpochSampler(100, seed=5)
    assert sampler.is_keyed and list(sampler) != listed and sorted(sampler) == list(range(100))
    sampler.move_to(0, 40, keyed=False)
    assert list(sampler) == listed[40:], "as a checkpoint of a release that listed it goes on"
    assert list(InOrderSampler(100, seed=5)) == list(range(100)), "which has nothing to compute"
