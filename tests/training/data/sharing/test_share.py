"""Each row of an epoch goes to one process once, also when their number or their batches change on the way."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec.training.data.sharing.share import Share, share, used_after

SIZES = st.tuples(st.integers(1, 5), st.integers(1, 6))


def steps_of(order: list[int], world: int, size: int, start: int, drop_last: bool = False) -> list[tuple[Share, ...]]:
    """What all processes get, step by step; none gets more steps than another."""
    each = [list(share(order, rank, world, size, start, drop_last=drop_last)) for rank in range(world)]
    return list(zip(*each, strict=True))


def real(steps: list[tuple[Share, ...]]) -> list[int]:
    return [row for step in steps for batch in step for row in batch.rows[: batch.real]]


@given(
    st.integers(0, 60).flatmap(lambda n: st.permutations(range(n))),
    st.lists(st.tuples(SIZES, st.integers(0, 5))),
    SIZES,
)
def test_each_row_is_seen_once_however_often_the_processes_change(
    order: list[int], stops: list[tuple[tuple[int, int], int]], last: tuple[int, int]
) -> None:
    row, seen = 0, []
    for (world, size), steps in stops:
        seen += real(list(islice(steps_of(order, world, size, row), steps)))
        row = used_after(steps, len(order), world, size, row)
        assert seen == order[:row], "what is used up is the beginning of the order"
    seen += real(steps_of(order, *last, row))
    assert seen == order


@given(st.integers(0, 60), SIZES, st.integers(0, 60))
def test_every_process_takes_every_step(length: int, sizes: tuple[int, int], start: int) -> None:
    world, size = sizes
    steps = steps_of(list(range(length)), world, size, start)
    assert len(steps) == -(-max(0, length - start) // (world * size))
    for step in steps:
        for batch in step:
            assert 1 <= len(batch.rows) <= size and batch.real in (0, len(batch.rows))
        counts = [batch.real for batch in step]
        assert counts == sorted(counts, reverse=True) and counts[0] > 0, "who has less comes last"


@given(st.integers(0, 60), SIZES, st.integers(0, 60))
def test_dropping_the_last_step_leaves_full_batches(length: int, sizes: tuple[int, int], start: int) -> None:
    world, size = sizes
    steps = steps_of(list(range(length)), world, size, start, drop_last=True)
    whole = max(0, length - start) // (world * size)
    assert real(steps) == list(range(start, start + whole * world * size))
    assert all(batch.real == size for step in steps for batch in step)


ROWS = [
    ("one process has what it always had", 1, 4, 0, [[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]]),
    ("two share a step", 2, 2, 0, [[[0, 1], [4, 5], [8, 9]], [[2, 3], [6, 7], [6, 7]]]),
    ("from inside of a batch", 2, 2, 3, [[[3, 4], [7, 8]], [[5, 6], [9]]]),
    ("nothing is left of the step that it goes on with", 2, 2, 8, [[[8, 9]], [[6, 7]]]),
    ("nothing is left", 2, 2, 10, [[], []]),
]


@pytest.mark.parametrize("world, size, start, expected", [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_who_gets_what(world: int, size: int, start: int, expected: list[list[list[int]]]) -> None:
    got = [[list(batch.rows) for batch in share(range(10), rank, world, size, start)] for rank in range(world)]
    assert got == expected
    assert [batch.real for batch in share(range(10), 1, 2, 2)] == [2, 2, 0]
