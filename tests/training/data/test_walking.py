"""Any loader is walked through epoch by epoch, from any row, in an order that nothing else changes."""

from collections.abc import Callable, Iterator
from itertools import chain
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import torch
from tests.training.small_job import Make, Rows
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from trainspec.training.data import DataPosition, LengthGroupedSampler, batches_at, epoch_lengths, train_sampler
from trainspec.training.errors import NoBatchesError
from trainspec.training.trainer import Trainer

NUMBERS = torch.arange(10)


class Stream(IterableDataset[Tensor]):
    def __iter__(self) -> Iterator[Tensor]:
        return iter(NUMBERS)


class SizedStream(Stream):
    def __len__(self) -> int:
        return 10


class Reiterable:
    """Batches, and nothing that torch's loaders have."""

    def __iter__(self) -> Iterator[Tensor]:
        return iter(NUMBERS.split(4))


class SizedReiterable(Reiterable):
    def __len__(self) -> int:
        return 3


class LengthRaises(Reiterable):
    def __len__(self) -> int:
        raise NotImplementedError


LOADERS: dict[str, tuple[Callable[[], Any], tuple[int | None, int | None]]] = {
    "in order": (lambda: DataLoader(NUMBERS, batch_size=4), (10, 3)),
    "dropping the last": (lambda: DataLoader(NUMBERS, batch_size=4, drop_last=True), (10, 2)),
    "shuffled": (lambda: DataLoader(NUMBERS, batch_size=4, shuffle=True), (10, 3)),
    "own generator": (
        lambda: DataLoader(NUMBERS, batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(5)),
        (10, 3),
    ),
    "own sampler": (lambda: DataLoader(NUMBERS, batch_size=4, sampler=SubsetRandomSampler(range(9))), (9, 3)),
    "weighted": (
        lambda: DataLoader(NUMBERS, batch_size=4, sampler=WeightedRandomSampler([1.0] * 10, num_samples=20)),
        (20, 5),
    ),
    "by length": (
        lambda: DataLoader(NUMBERS, batch_size=4, sampler=LengthGroupedSampler(4, lengths=range(10))),
        (10, 3),
    ),
    "own batches": (
        lambda: DataLoader(NUMBERS, batch_sampler=BatchSampler(RandomSampler(NUMBERS), 4, drop_last=False)),
        (10, 3),
    ),
    "batches as a list": (lambda: DataLoader(NUMBERS, batch_sampler=[[1, 2], [3]]), (None, 2)),
    "rows as batches": (lambda: DataLoader(NUMBERS, batch_size=None), (10, 10)),
    "stream": (lambda: DataLoader(Stream(), batch_size=4), (None, None)),
    "stream with a length": (lambda: DataLoader(SizedStream(), batch_size=4), (10, 3)),
    "reiterable": (Reiterable, (None, None)),
    "reiterable with a length": (SizedReiterable, (None, 3)),
    "reiterable without": (LengthRaises, (None, None)),
    "list": (lambda: list(NUMBERS.split(4)), (None, 3)),
    "like a loader": (lambda: _LikeALoader(dataset=NUMBERS, batch_size=4), (10, None)),
}


class _LikeALoader(SimpleNamespace):
    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.dataset.split(self.batch_size))


@pytest.mark.parametrize("make, lengths", LOADERS.values(), ids=LOADERS)
def test_epoch_lengths(make: Callable[[], Any], lengths: tuple[int | None, int | None]) -> None:
    assert epoch_lengths(make()) == lengths


def _walk(loader: Any, epoch: int, rows: int = 0, seed: int = 1) -> list[Any]:
    return [batch.tolist() for batch in batches_at(loader, DataPosition(epoch, rows, seed)).batches]


def _rows(walked: list[Any]) -> list[int]:
    return list(chain.from_iterable(batch if isinstance(batch, list) else [batch] for batch in walked))


@pytest.mark.parametrize("name", LOADERS)
def test_an_epoch_is_the_same_whatever_came_before_and_from_any_row(name: str) -> None:
    make = LOADERS[name][0]
    loader = make()
    whole = [_walk(loader, epoch) for epoch in range(3)]
    torch.manual_seed(99)
    again = make()
    for epoch in (2, 0):
        assert _walk(again, epoch) == whole[epoch]
        assert _walk(again, epoch, len(_rows(whole[epoch][:2]))) == whole[epoch][2:]
        for row in range(len(_rows(whole[epoch])) + 1):
            assert _rows(_walk(again, epoch, row)) == _rows(whole[epoch])[row:]
    if name in ("shuffled", "own generator", "own sampler", "weighted", "by length", "own batches"):
        assert whole[0] != whole[1] != whole[2]


@pytest.mark.parametrize("name", LOADERS)
def test_walking_draws_nothing_from_the_generator_of_the_model(name: str) -> None:
    loader, before = LOADERS[name][0](), torch.get_rng_state()
    for epoch in range(2):
        _walk(loader, epoch)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_generator_of_ones_own_keeps_its_first_epoch() -> None:
    bare = [batch.tolist() for batch in LOADERS["own generator"][0]()]
    loader = LOADERS["own generator"][0]()
    assert _walk(loader, 0, seed=7) == bare != _walk(loader, 1, seed=7)


def test_the_seed_counts_where_there_is_no_generator() -> None:
    orders = [_walk(LOADERS["shuffled"][0](), 0, seed=seed) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


class Told(Rows):
    def __init__(self) -> None:
        super().__init__(4)
        self.epochs: list[int] = []

    def set_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)


class ToldSampler(RandomSampler):
    epochs: tuple[int, ...] = ()

    def set_epoch(self, epoch: int) -> None:
        self.epochs = (*self.epochs, epoch)


def test_whatever_has_set_epoch_is_told_once() -> None:
    data = Told()
    sampler = ToldSampler(data)
    for loader in (
        DataLoader(data, batch_size=2, sampler=sampler),
        DataLoader(data, batch_sampler=BatchSampler(sampler, 2, drop_last=False)),
    ):
        for epoch in (0, 3):
            list(batches_at(loader, DataPosition(epoch, 0, 1)).batches)
    assert data.epochs == list(sampler.epochs) == [0, 3] * 2


class _Plain:
    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        return (Rows(10)[number] for number in range(10))


class _Endless:
    def __getitem__(self, number: int) -> dict[str, Tensor]:
        if number > 9:
            raise IndexError
        return Rows(10)[number]


SETS: dict[str, tuple[Callable[[], Any], bool]] = {
    "list of dicts": (lambda: [Rows(10)[number] for number in range(10)], True),
    "generator": (lambda: (Rows(10)[number] for number in range(10)), False),
    "iterable": (_Plain, False),
    "sequence without a length": (_Endless, False),
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("make, is_shuffled", SETS.values(), ids=SETS)
def test_rows_of_any_kind_come_once_an_epoch(
    make_trainer: Make, make: Callable[[], Any], is_shuffled: bool, workers: int
) -> None:
    trainer = make_trainer(train_dataset=make(), max_steps=3, dataloader_num_workers=workers)
    trainer.train()
    seen = list(chain.from_iterable(trainer.model.seen))
    # Two workers have batches of their own: 4 and 1 rows each.
    assert sorted(seen) == list(range(10)) if not workers or is_shuffled else len(set(seen)) == len(seen)
    assert (seen == list(range(10))) is (not is_shuffled and not workers)


def test_what_cannot_be_walked_again_is_said(make_trainer: Make) -> None:
    with pytest.raises(NoBatchesError, match="gave no batch"):
        make_trainer(train_dataset=(Rows(8)[number] for number in range(8)), max_steps=3).train()


def test_tensors_and_arrays_are_data_sets(make_trainer: Make) -> None:
    class First(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)

        def forward(self, inputs: Tensor, labels: Tensor | None = None) -> Tensor:
            loss: Tensor = self.layer(inputs.float()).mean()
            return loss

    for rows in (
        torch.randn(6, 4),
        numpy.ones((6, 4)),
        TensorDataset(torch.randn(6, 4), torch.ones(6)),
        [(torch.ones(4), 1)] * 6,
    ):
        trainer = make_trainer(model=First(), train_dataset=rows, eval_dataset=rows)
        trainer.train()
        assert trainer.state.global_step == 2
        assert "eval_runtime" in trainer.evaluate()


@pytest.mark.parametrize("make", [Reiterable, SizedReiterable], ids=["without-length", "with-length"])
def test_a_loader_without_anything_trains_and_resumes(make_trainer: Make, make: Callable[[], Any]) -> None:
    class Batches(make):  # type: ignore[misc, valid-type]
        def __iter__(self) -> Iterator[Any]:
            rows = Rows(10)
            for numbers in super().__iter__():
                yield {"inputs": rows.inputs[numbers], "labels": rows.targets[numbers], "number": numbers}

    class Own(Trainer):
        def get_train_dataloader(self) -> Any:
            return Batches()

    whole = make_trainer(kind=Own, max_steps=8, save_strategy="steps", save_steps=4)
    whole.train()
    assert whole.model.seen == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]] * 2 + [[0, 1, 2, 3], [4, 5, 6, 7]]
    resumed = make_trainer(kind=Own, max_steps=8, resume_from_checkpoint=f"{whole.args.output_dir}/checkpoint-4")
    resumed.train()
    assert resumed.model.seen == whole.model.seen[4:]
    assert torch.equal(resumed.model.layer.weight, whole.model.layer.weight)


def test_the_order_can_be_had_for_a_loader_of_ones_own(make_trainer: Make) -> None:
    class Own(Trainer):
        def get_train_dataloader(self) -> Any:
            sampler = train_sampler(self.train_dataset, self.args, batch_size=4)
            return DataLoader(self.train_dataset, batch_size=4, sampler=sampler)

    known = {"num_train_epochs": 2, "save_strategy": "steps", "save_steps": 8}
    plain, own = make_trainer(**known), make_trainer(kind=Own, **known)
    plain.train()
    own.train()
    assert own.model.seen == plain.model.seen
    data = Rows()
    resumed = make_trainer(
        kind=Own,
        num_train_epochs=2,
        train_dataset=data,
        resume_from_checkpoint=f"{own.args.output_dir}/checkpoint-8",
        remove_unused_columns=False,
    )
    resumed.train()
    assert resumed.model.seen == plain.model.seen[8:]
