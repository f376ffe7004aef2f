"""Promise: of data that rank 0 reads for all, what lies before the place is read again and not collated; by number it
is not even loaded. Whoever has nothing left in the first step repeats what it had in the step before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
import torch
from tests.training.data.streaming.streams import row
from tests.training.parallel.world import run_in
from torch.utils.data import DataLoader, Dataset, IterableDataset, RandomSampler, default_collate, get_worker_info

from trainspec.settings.arguments.launch import Launch
from trainspec.training.data import Sharing, batches_at, position_in
from trainspec.training.data.streaming.place import place_bytes, place_of
from trainspec.training.parallel.contact.group import processes_of

BATCH, RANKS = 2, 2


def counter() -> Any:
    """Of what workers do, too."""
    return torch.zeros((), dtype=torch.int64).share_memory_()


class Even(IterableDataset[Any]):
    """Each worker has as many rows as others, or one more batch."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for first in range(number * BATCH, self.rows, workers * BATCH):
            yield from map(row, range(first, min(first + BATCH, self.rows)))


class Numbered(Dataset[Any]):
    """Is asked for its rows by number."""

    def __init__(self, rows: int) -> None:
        self.rows, self.loaded = rows, counter()

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, number: int) -> Any:
        self.loaded += 1
        return row(number)


class Collator:
    def __init__(self, *, draws: bool) -> None:
        self.draws, self.calls = draws, counter()

    def __call__(self, rows: list[Any]) -> Any:
        self.calls += 1
        batch = default_collate(rows)
        if self.draws:
            batch["inputs"] = batch["inputs"] + torch.rand(())
        return batch


def _loader(rows: int, workers: int, kind: str) -> Any:
    collator = Collator(draws=kind == "draws")
    if kind == "numbered":
        order = RandomSampler(range(rows))
        return DataLoader(Numbered(rows), BATCH, sampler=order, num_workers=workers, collate_fn=collator)
    return DataLoader(Even(rows), BATCH, num_workers=workers, collate_fn=collator)


def _shown(batches: Iterable[Any]) -> list[Any]:
    return [batch["inputs"][:, 0].tolist() for batch in batches]


def _walked(rows: int, workers: int, steps: int, kind: str) -> dict[str, Any]:
    with processes_of(Launch.of_this_process(), timeout=timedelta(seconds=60)) as processes:
        sharing = Sharing(processes.rank, processes.world_size, processes, dispatches=True)
        first = _loader(rows, workers, kind)
        walk = batches_at(first, position_in(first, epoch=0, rows=0, seed=1), sharing)
        taken = list(islice(walk.batches, steps))
        walk.advance(taken)
        position = replace(position_in(first, epoch=0, rows=walk.row, seed=1), order=walk.mark())
        place = walk.place()
        whole = _shown([*taken, *walk.batches])
        again, heard = _loader(rows, workers, kind), list[int]()
        known = None if place is None else place_of(place_bytes(place))
        walk = batches_at(again, position, sharing, heard.append, known)
        calls, loaded = int(again.collate_fn.calls), int(getattr(again.dataset, "loaded", 0))
        rest = list(walk.batches)
        fillers = [walk.is_filler(number) for number in range(len(rest))]
        return {
            "whole": whole,
            "rest": _shown(rest),
            "calls": calls,
            "loaded": loaded,
            "heard": max(heard, default=0),
            "fillers": fillers,
        }


# Of 101 rows in batches of two each process has 25 batches, and rank 0 one more, of one row.
ROWS = 101
CASES = [
    pytest.param("stream", 0, 25),
    pytest.param("numbered", 0, 20),
    *(
        pytest.param(kind, workers, steps, marks=pytest.mark.long_distributed)
        for kind in ("stream", "numbered")
        for workers in (0, 2, 3)
        for steps in (20, 25)
    ),
]


@pytest.mark.parametrize(("kind", "workers", "steps"), CASES)
def test_no_batch_before_the_last_step_is_made_again(kind: str, workers: int, steps: int) -> None:
    zero, one = run_in(RANKS, _walked, ROWS, workers, steps, kind)
    last = one["whole"][-1]
    assert zero["rest"] == zero["whole"][steps:] and one["rest"] == (one["whole"][steps:] or [last])
    assert one["fillers"] == ([True] if steps == 25 else [False] * 5)
    assert one["calls"] == one["loaded"] == one["heard"] == 0
    # The first of each reader, to see whether the collator draws; the last step; and what is read ahead.
    most = (workers or 1) + RANKS + (2 * workers + 1)
    assert zero["calls"] <= most < RANKS * steps
    assert zero["loaded"] <= BATCH * most
    if kind == "stream" and not workers:
        assert zero["heard"] == RANKS * BATCH * steps


def test_where_the_collator_draws_all_is_made_again() -> None:
    zero, one = run_in(RANKS, _walked, ROWS, 0, 5, "draws")
    assert zero["rest"] == zero["whole"][5:] and one["rest"] == one["whole"][5:]
    assert zero["calls"] >= RANKS * 5
