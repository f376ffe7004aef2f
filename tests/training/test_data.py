"""Rows reach the model in the order, size and shape that the settings say."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy
import pytest
import torch
from tests.training.small_job import Line, Make, Rows
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from trainspec.training.data import EpochSampler, batches, collate
from trainspec.training.errors import CollationError, NoBatchesError, UnusedColumnsError


def _order(trainer: Any) -> list[int]:
    return list(chain.from_iterable(trainer.model.seen))


def test_data_seed_sets_the_order_and_nothing_else(make_trainer: Make) -> None:
    runs = {
        (seed, data_seed): make_trainer(model=Line(dropout=0.5), seed=seed, data_seed=data_seed)
        for seed, data_seed in [(1, None), (1, 1), (1, 2), (2, 1)]
    }
    for trainer in runs.values():
        trainer.train()
    orders = {key: _order(trainer) for key, trainer in runs.items()}
    assert orders[1, None] == orders[1, 1] == orders[2, 1] != orders[1, 2]
    drops = {key: trainer.model.layer.weight for key, trainer in runs.items()}
    assert torch.equal(drops[1, None], drops[1, 1])
    assert not torch.equal(drops[1, 1], drops[2, 1]), "the model's draws follow seed"


def test_the_order_is_new_in_each_epoch_and_no_draw_of_the_program_changes_it(make_trainer: Make) -> None:
    quiet = make_trainer(num_train_epochs=2)
    quiet.train()
    torch.manual_seed(123)
    noisy = make_trainer(model=Line(dropout=0.9), num_train_epochs=2)
    noisy.train()
    assert _order(quiet) == _order(noisy)
    assert _order(quiet)[:24] != _order(quiet)[24:]
    assert sorted(_order(quiet)[:24]) == list(range(24)) != _order(quiet)[:24]


def test_sampler_starts_anywhere() -> None:
    sampler = EpochSampler(10, seed=3)
    sampler.move_to(epoch=2)
    whole = list(sampler)
    sampler.move_to(epoch=2, start=7)
    assert list(sampler) == whole[7:] and len(sampler) == 10


def test_neighbouring_seeds_share_no_epoch() -> None:
    orders = set()
    for seed in range(5):
        for epoch in range(5):
            sampler = EpochSampler(30, seed)
            sampler.move_to(epoch)
            orders.add(tuple(sampler))
    assert len(orders) == 25


@pytest.mark.parametrize("drop, sizes", [(False, [7, 7, 7, 3]), (True, [7, 7, 7])])
def test_dataloader_drop_last(make_trainer: Make, drop: bool, sizes: list[int]) -> None:
    trainer = make_trainer(per_device_train_batch_size=7, dataloader_drop_last=drop)
    trainer.train()
    assert [len(batch) for batch in trainer.model.seen] == sizes
    assert trainer.state.global_step == len(sizes)


class WhoLoads(Rows):
    """Its inputs tell the worker that loaded them, and what it drew."""

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        row = super().__getitem__(index)
        worker = torch.utils.data.get_worker_info()
        drawn = torch.rand(1).item() + numpy.random.rand()
        row["inputs"] = torch.tensor([-1 if worker is None else worker.id, drawn, index, 0.0])
        return row


def test_dataloader_num_workers_load_and_draw_alike_each_time(make_trainer: Make) -> None:
    settings = {"dataloader_num_workers": 2, "dataloader_persistent_workers": True}
    loaded = []
    for _ in range(2):
        trainer = make_trainer(train_dataset=WhoLoads(8), dataloader_prefetch_factor=3, **settings)
        loader = trainer.get_train_dataloader()
        assert loader.prefetch_factor == 3
        batches = torch.cat([batch["inputs"] for batch in loader])
        workers = loader._iterator
        assert list(loader) and loader._iterator is workers, "the same workers serve the next epoch"
        loaded.append(batches)
    assert set(loaded[0][:, 0].tolist()) == {0.0, 1.0}
    assert torch.equal(loaded[0], loaded[1])


def test_dataloader_num_workers_draw_anew_in_each_epoch_and_alike_when_it_comes_again(make_trainer: Make) -> None:
    def drawn(loader: DataLoader[Any], epoch: int) -> list[float]:
        return torch.cat([batch["inputs"] for batch in batches(loader, epoch, 0, seed=1)])[:, 1].tolist()

    trainer = make_trainer(train_dataset=WhoLoads(8), dataloader_num_workers=1)
    loader = trainer.get_train_dataloader()
    first, second = drawn(loader, 0), drawn(loader, 1)
    assert not set(first) & set(second)
    assert drawn(trainer.get_train_dataloader(), 1) == second, "whether or not epoch 0 came before"


@pytest.mark.parametrize("wanted, device, pinned", [(True, "cuda", True), (False, "cuda", False), (True, "cpu", False)])
def test_dataloader_pin_memory(make_trainer: Make, wanted: bool, device: str, pinned: bool) -> None:
    trainer = make_trainer(dataloader_pin_memory=wanted, use_cpu=False)
    trainer.device = torch.device(device)
    assert trainer.get_train_dataloader().pin_memory is pinned
    assert trainer.get_eval_dataloader().pin_memory is pinned


class TakesInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)
        self.keys: set[str] = set()

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor:
        return (self.layer(inputs) - labels).pow(2).mean()


def test_remove_unused_columns_drops_before_collation(make_trainer: Make) -> None:
    rows = [{**row, "text": f"row {row['number']}", "ragged": [0] * int(row["number"])} for row in Rows(8)]
    trainer = make_trainer(model=TakesInputs(), train_dataset=rows)
    trainer.train()
    assert trainer.state.global_step == 2
    kept = make_trainer(model=TakesInputs(), train_dataset=rows, remove_unused_columns=False)
    with pytest.raises(CollationError, match="'ragged' cannot be stacked"):
        kept.train()


def test_remove_unused_columns_with_nothing_left_names_both_sides(make_trainer: Make) -> None:
    trainer = make_trainer(model=TakesInputs(), train_dataset=[{"pixels": 1.0, "label": 2}])
    with pytest.raises(UnusedColumnsError, match=r"\['label', 'pixels'\].*\['inputs', 'labels'\]"):
        trainer.train()


@pytest.mark.parametrize(
    "rows, expected",
    [
        ([{"x": 1, "label": 2}, {"x": 3, "label": 4}], {"x": torch.tensor([1, 3]), "labels": torch.tensor([2, 4])}),
        ([{"x": [1.0, 2.0], "t": "a"}] * 2, {"x": torch.tensor([[1.0, 2.0]] * 2)}),
        ([{"x": numpy.float64(0.5)}], {"x": torch.tensor([0.5], dtype=torch.float64)}),
        ([(torch.ones(2), 1), (torch.zeros(2), 0)], (torch.tensor([[1.0, 1], [0, 0]]), torch.tensor([1, 0]))),
        ([torch.ones(2)] * 3, torch.ones(3, 2)),
    ],
    ids=["label-becomes-labels", "text-is-left-out", "numpy-keeps-its-type", "tuples", "tensors"],
)
def test_collate(rows: list[Any], expected: Any) -> None:
    got = collate(rows)
    if isinstance(expected, dict):
        assert got.keys() == expected.keys()
        got, expected = list(got.values()), list(expected.values())
    for mine, right in zip(got, expected, strict=True):
        assert torch.equal(mine, right) and mine.dtype == right.dtype


class Stream(IterableDataset[dict[str, Tensor]]):
    """Rows one after the other, without a length."""

    def __init__(self, count: int) -> None:
        self.rows = Rows(count)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        return (self.rows[index] for index in range(len(self.rows)))


def test_data_without_a_length_is_cycled(make_trainer: Make) -> None:
    trainer = make_trainer(train_dataset=Stream(10), max_steps=7, eval_strategy="epoch")
    trainer.train()
    assert [len(batch) for batch in trainer.model.seen] == [4, 4, 2, 4, 4, 2, 4]
    evaluated = [entry["step"] for entry in trainer.state.log_history if "eval_loss" in entry]
    assert evaluated == [3, 6, 7], "at the end of each epoch, and where the run ends"


def test_data_without_a_length_resumes_at_the_same_batch(make_trainer: Make) -> None:
    settings = {"save_strategy": "steps", "save_steps": 5}
    whole = make_trainer(train_dataset=Stream(10), max_steps=7, **settings)
    whole.train()
    resumed = make_trainer(
        train_dataset=Stream(10), max_steps=7, resume_from_checkpoint=f"{whole.args.output_dir}/checkpoint-5"
    )
    resumed.train()
    assert resumed.model.seen == whole.model.seen[5:]
    assert torch.equal(resumed.model.layer.weight, whole.model.layer.weight)


def test_an_empty_stream_is_said(make_trainer: Make) -> None:
    with pytest.raises(NoBatchesError, match="gave no batch"):
        make_trainer(train_dataset=Stream(0), max_steps=3).train()


def test_a_loader_of_ones_own_is_used_as_it_is(make_trainer: Make) -> None:
    from trainspec.training.trainer import Trainer

    class Own(Trainer):
        def get_train_dataloader(self) -> DataLoader[Any]:
            return DataLoader(Rows(12), batch_size=6, shuffle=False)

    trainer = make_trainer(kind=Own, num_train_epochs=2)
    trainer.train()
    assert trainer.model.seen == [list(range(6)), list(range(6, 12))] * 2
