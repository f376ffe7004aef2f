"""Promise: what lies before the place where a run goes on is not loaded; of a stream it is read, and not collated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tests.training.small_job import Make, Rows
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, default_collate

from trainspec.training.data import batches_at, position_in


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


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        for number in torch.randperm(40).tolist():
            yield {"inputs": torch.full((4,), float(number)), "labels": torch.zeros(1), "number": torch.tensor(number)}


class Collator:
    """Counts what it is asked for; of each kind one that must see all rows again, or none of them."""

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


# Of eight batches of four: the first shows what the collator does, and the last is compared.
CALLS = {"plain": 2, "packs": 8, "draws": 8}


@pytest.mark.parametrize("kind", CALLS)
def test_a_stream_goes_on_with_the_same_batches(kind: str) -> None:
    loader = DataLoader(Stream(), batch_size=4, collate_fn=Collator(kind))
    whole = list(batches_at(loader, position_in(loader, epoch=0, rows=0, seed=1)).batches)
    used = sum(len(batch["number"]) for batch in whole[:8])
    collator = loader.collate_fn = Collator(kind)
    heard: list[int] = []
    walk = batches_at(loader, position_in(loader, epoch=0, rows=used, seed=1), told=heard.append)
    assert collator.calls == CALLS[kind]
    assert loader.collate_fn is collator
    assert heard[-1] == walk.row == used and len(heard) == 8
    for batch, expected in zip(walk.batches, whole[8:], strict=True):
        assert all(torch.equal(batch[name], expected[name]) for name in expected)


def test_a_place_inside_of_a_batch() -> None:
    loader = DataLoader(Stream(), batch_size=4, collate_fn=Collator())
    whole = [
        n for batch in batches_at(loader, position_in(loader, epoch=0, rows=0, seed=1)).batches for n in batch["number"]
    ]
    walk = batches_at(loader, position_in(loader, epoch=0, rows=30, seed=1))
    assert [n for batch in walk.batches for n in batch["number"]] == whole[30:]


@pytest.mark.parametrize("disable_tqdm", [False, True])
def test_a_bar_shows_it_unless_there_are_to_be_none(
    make_trainer: Make, capfd: pytest.CaptureFixture[str], disable_tqdm: bool
) -> None:
    more = {"train_dataset": Stream(), "per_device_train_batch_size": 4, "disable_tqdm": disable_tqdm}
    make_trainer(max_steps=4, save_strategy="steps", save_steps=4, **more).train()
    capfd.readouterr()
    make_trainer(max_steps=5, resume_from_checkpoint="latest", **more).train()
    assert ("rows passed over" in capfd.readouterr().err) != disable_tqdm
