"""Promise: whoever goes on, and in whatever batches, the rows are those that nobody has seen, in the same order."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, islice
from types import SimpleNamespace
from typing import Any

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from trainspec.training.data import EpochSampler, GroupedEpochSampler, batches_at, position_in
from trainspec.training.data.sharing.sharing import Sharing

SEED = 3


def _loader(rows: int, size: int, rank: int, shares: int, grouping: int | None) -> Any:
    lengths = numpy.array([number * 7 % 13 + 1 for number in range(rows)])
    sampler = EpochSampler(rows, SEED) if grouping is None else GroupedEpochSampler(lengths, grouping, SEED)
    sampler.share_with(rank, shares, size)
    return DataLoader(list(range(rows)), batch_size=size, sampler=sampler)  # type: ignore[arg-type]


def _sharing(rank: int, shares: int) -> Sharing:
    return Sharing(rank, shares, SimpleNamespace(rank=rank, world_size=shares))  # type: ignore[arg-type]


def _steps(position: Any, rows: int, layout: tuple[int, int, int], updates: int | None, grouped: bool) -> Any:
    """The rows of each micro-batch of all processes, in their order, and the position behind so many updates."""
    shares, size, accumulation = layout
    grouping = shares * size * accumulation if grouped else None
    seen, row = [], position.rows
    for rank in range(shares):
        loader = _loader(rows, size, rank, shares, grouping)
        walk = batches_at(loader, position, _sharing(rank, shares))
        batches = list(islice(walk.batches, None if updates is None else updates * accumulation))
        real = [batch for number, batch in enumerate(batches) if not walk.is_filler(number)]
        seen.append([batch.tolist() for batch in real])
        row = walk.advance(batches, steps=len(batches)) if rank == 0 else row
    steps = max(map(len, seen))
    ordered = [part[step] for step in range(steps) for part in seen if step < len(part)]
    return list(chain.from_iterable(ordered)), row


LAYOUT = st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))


@given(
    st.integers(1, 90),
    st.integers(0, 5),
    st.lists(st.tuples(LAYOUT, st.integers(1, 4)), max_size=3),
    LAYOUT,
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_every_row_once_and_in_order(rows: int, epoch: int, stages: list[Any], last: Any, grouped: bool) -> None:
    first = stages[0][0] if stages else last
    grouping = first[0] * first[1] * first[2] if grouped else None
    position = position_in(_loader(rows, 1, 0, 1, grouping), epoch=epoch, rows=0, seed=SEED)
    whole = list(map(int, chain.from_iterable(batches_at(_loader(rows, 1, 0, 1, grouping), position).batches)))
    found: list[int] = []
    for layout, updates in stages:
        part, row = _steps(position, rows, layout, updates, grouped)
        found += part
        # As a checkpoint has it: what the order was made with, and how far all are.
        position = replace(position, rows=row)
        if row >= rows:
            break
    if position.rows < rows:
        found += _steps(position, rows, last, None, grouped)[0]
    assert found == whole and sorted(found) == list(range(rows))
