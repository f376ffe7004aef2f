"""Promise: what lies before the place where a run goes on is not loaded; of a stream it is read, and not collated."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
import torch
from tests.training.small_job import Make, Rows
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, Sampler, default_collate

from trainspec.training.data import DataPosition, Place, batches_at, position_in
from trainspec.training.data.streaming.place import place_bytes, place_of


class Counted(Rows):
    """A million rows, none of which is anywhere."""

    def __init__(self) -> None:
        self.touched: list[int] = []

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        self.touched.append(index)
        return {"inputs": torch.zeros(4), "labels": torch.zeros(1), "number": torch.tensor(index)}


@pytest.mark.parametrize("step", [10, 100_000])
def test_rows_before_the_place_are_not_loaded(step: int, make_trainer: Make) -> None:
    rows = Counted()
    loader = make_trainer(train_dataset=rows, per_device_train_batch_size=8).get_train_dataloader()
    walk = batches_at(loader, position_in(loader, epoch=0, rows=8 * step, seed=1))
    assert rows.touched == []
    assert len(next(walk.batches)["number"]) == 8
    assert len(rows.touched) == 8


class Seen(Rows):
    """Tells this process, too, which rows its workers loaded."""

    def __init__(self, count: int = 400) -> None:
        super().__init__(count)
        self.seen = torch.zeros(count, dtype=torch.bool).share_memory_()
        self.length = [5 + number % 7 for number in range(count)]

    def __getitem__(self, index: int) -> dict[str, Any]:
        self.seen[index] = True
        return {**super().__getitem__(index), "length": self.length[index]}


class Python(Sampler[int]):
    def __iter__(self) -> Iterator[int]:
        return iter(random.sample(range(400), 400))

    def __len__(self) -> int:
        return 400


def in_batches() -> Any:
    return BatchSampler(Python(), 4, drop_last=False)


LOADERS: dict[str, Callable[[Any, int], Any]] = {
    "own sampler": lambda rows, workers: DataLoader(rows, 4, sampler=Python(), num_workers=workers),
    "batch sampler": lambda rows, workers: DataLoader(rows, batch_sampler=in_batches(), num_workers=workers),
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("loaded", ["ours", "grouped by length", *LOADERS])
def test_no_row_before_the_place_is_loaded_by_anybody(make_trainer: Make, loaded: str, workers: int) -> None:
    def loader() -> Any:
        rows = Seen()
        if loaded in LOADERS:
            return LOADERS[loaded](rows, workers)
        more = {"train_sampling_strategy": "group_by_length"} if loaded == "grouped by length" else {}
        asked = {"per_device_train_batch_size": 4, "dataloader_num_workers": workers, "max_steps": 1}
        return make_trainer(train_dataset=rows, **asked, **more).get_train_dataloader()

    whole = loader()
    walk = batches_at(whole, position_in(whole, epoch=1, rows=0, seed=42))
    taken = list(islice(walk.batches, 50))
    walk.advance(taken)
    mark = walk.mark()
    order = [number for batch in [*taken, *walk.batches] for number in batch["number"].tolist()]
    there = loader()
    there.dataset.seen[:] = False
    walk = batches_at(there, replace(position_in(there, epoch=1, rows=200, seed=42), order=mark))
    assert next(walk.batches)["number"].tolist() == order[200:204]
    del walk
    assert not there.dataset.seen[order[:200]].any() and there.dataset.seen[order[200:]].any()


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        for number in torch.randperm(40).tolist():
            yield {"inputs": torch.full((4,), float(number)), "labels": torch.zeros(1), "number": torch.tensor(number)}


class Collator:
    """Counts what it is asked for."""

    def __init__(self, kind: str = "plain") -> None:
        self.kind, self.calls = kind, 0

    def __call__(self, rows: list[Any]) -> Any:
        self.calls += 1
        if self.kind == "packs":
            rows = rows[: len(rows) // 2]
        batch = default_collate(rows)
        if self.kind == "draws":
            batch["inputs"] = batch["inputs"] + torch.rand(())
        return batch


# Of eight batches of four: the first shows whether the collator draws, and the last is compared.
CALLS = {"plain": 2, "packs": 2, "draws": 8}


def used(loader: Any, batches: int) -> tuple[list[Any], DataPosition, Place]:
    """All batches, of which so many are used; and where that is, as a checkpoint has it."""
    walk = batches_at(loader, position_in(loader, epoch=0, rows=0, seed=1))
    taken = list(islice(walk.batches, batches))
    walk.advance(taken)
    rest = list(walk.batches)
    place = walk.place()
    assert place is not None
    position = replace(position_in(loader, epoch=0, rows=walk.row, seed=1), order=walk.mark())
    return taken + rest, position, place_of(place_bytes(place))


@pytest.mark.parametrize("kind", CALLS)
def test_a_stream_goes_on_with_the_same_batches(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    loader = DataLoader(Stream(), batch_size=4, collate_fn=Collator(kind))
    whole, position, place = used(loader, 8)
    collator = loader.collate_fn = Collator(kind)
    heard: list[int] = []
    walk = batches_at(loader, position, told=heard.append, place=place)
    # And the batch that follows.
    assert collator.calls == CALLS[kind] + 1
    assert loader.collate_fn is collator
    assert heard == [4, 8, 12, 16, 20, 24, 28, 32]
    for batch, expected in zip(walk.batches, whole[8:], strict=True):
        assert all(torch.equal(batch[name], expected[name]) for name in expected)
    assert not caplog.records


def test_a_place_inside_of_a_batch() -> None:
    loader = DataLoader(Stream(), batch_size=4, collate_fn=Collator())
    whole = [
        n for batch in batches_at(loader, position_in(loader, epoch=0, rows=0, seed=1)).batches for n in batch["number"]
    ]
    walk = batches_at(loader, position_in(loader, epoch=0, rows=30, seed=1))
    assert [n for batch in walk.batches for n in batch["number"]] == whole[30:]


class Slow(Stream):
    """So slow that this process looks how far its workers are."""

    def __iter__(self) -> Iterator[Any]:
        for row in super().__iter__():
            time.sleep(0.05)
            yield row


@pytest.mark.parametrize(("disable_tqdm", "workers"), [(False, 0), (True, 0), (False, 1)])
def test_a_bar_shows_it_unless_there_are_to_be_none(
    make_trainer: Make, capfd: pytest.CaptureFixture[str], disable_tqdm: bool, workers: int
) -> None:
    more = {"train_dataset": Slow() if workers else Stream(), "per_device_train_batch_size": 4}
    more |= {"disable_tqdm": disable_tqdm, "dataloader_num_workers": workers}
    make_trainer(max_steps=4, save_strategy="steps", save_steps=4, **more).train()
    capfd.readouterr()
    make_trainer(max_steps=5, resume_from_checkpoint="latest", **more).train()
    assert ("rows passed over" in capfd.readouterr().err) != disable_tqdm
