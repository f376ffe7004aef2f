"""Processes that load the data: how many, how long they live, what they draw, how far ahead they are."""

import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import pytest
import torch
from tests.training.small_job import Line, Make, Rows
from torch import Tensor

from trainspec.training.data import DataPosition, EpochSampler, batches_at


class Traced(Rows):
    """The inputs of a row are the process that loaded it, and what it drew from each generator."""

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        row = super().__getitem__(index)
        drawn = [os.getpid(), random.random(), numpy.random.rand(), torch.rand(()).item()]
        return {**row, "inputs": torch.tensor(drawn, dtype=torch.float64)}


class Recorder(Line):
    """Remembers the inputs of every batch, in training and in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: list[Tensor] = []

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> dict[str, Tensor]:
        self.inputs.append(inputs.clone())
        return super().forward((inputs * 0).float(), labels, number)

    def processes(self) -> set[float]:
        return set(torch.cat(self.inputs)[:, 0].tolist())

    def draws(self) -> Tensor:
        return torch.cat(self.inputs)[:, 1:]


def _trained(make_trainer: Make, **settings: Any) -> Recorder:
    model = Recorder()
    known = {"train_dataset": Traced(16), "eval_dataset": Traced(8), "num_train_epochs": 2}
    make_trainer(model=model, **{**known, **settings}).train()
    return model


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_dataloader_num_workers_are_processes(make_trainer: Make, workers: int) -> None:
    processes = _trained(make_trainer, dataloader_num_workers=workers, num_train_epochs=1).processes()
    assert len(processes - {float(os.getpid())}) == workers
    assert (float(os.getpid()) in processes) is (workers == 0)


def test_dataloader_num_workers_do_not_change_what_is_drawn(make_trainer: Make) -> None:
    one, two, kept = (
        _trained(make_trainer, dataloader_num_workers=workers, dataloader_persistent_workers=stay).draws()
        for workers, stay in [(1, False), (2, False), (2, True)]
    )
    assert torch.equal(one, two) and torch.equal(two, kept)
    assert len(one.unique()) == one.numel(), "no draw comes twice: not in a batch, between batches, or between epochs"


def test_dataloader_num_workers_draw_by_the_seed(make_trainer: Make) -> None:
    known = {"dataloader_num_workers": 1, "num_train_epochs": 1}
    drawn = [_trained(make_trainer, **known, **seeds).draws() for seeds in _SEEDS]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0][0], drawn[2][0])


_SEEDS: list[dict[str, int]] = [{"seed": 3}, {"seed": 4, "data_seed": 3}, {"seed": 4}]


@pytest.mark.parametrize("stay", [False, True])
def test_dataloader_num_workers_draw_the_same_after_a_resume(make_trainer: Make, stay: bool) -> None:
    settings = {"dataloader_num_workers": 2, "dataloader_persistent_workers": stay}
    whole = make_trainer(model=Recorder(), train_dataset=Traced(16), save_strategy="steps", save_steps=3, **settings)
    whole.train()
    path = f"{whole.args.output_dir}/checkpoint-3"
    resumed = make_trainer(model=Recorder(), train_dataset=Traced(16), resume_from_checkpoint=path, **settings)
    resumed.train()
    assert torch.equal(resumed.model.draws(), whole.model.draws()[12:])


@pytest.mark.parametrize("stay", [False, True])
def test_dataloader_persistent_workers_live_on_between_epochs(make_trainer: Make, stay: bool) -> None:
    settings = {"dataloader_num_workers": 2, "dataloader_persistent_workers": stay}
    assert len(_trained(make_trainer, num_train_epochs=3, **settings).processes()) == (2 if stay else 6)


@pytest.mark.parametrize("stay", [False, True])
def test_dataloader_persistent_workers_live_on_between_evaluations(make_trainer: Make, stay: bool) -> None:
    model, data, other = Recorder(), Traced(8), Traced(8)
    trainer = make_trainer(model=model, dataloader_num_workers=1, dataloader_persistent_workers=stay)

    def processes(dataset: Any) -> set[float]:
        model.inputs.clear()
        trainer.evaluate(dataset)
        return model.processes()

    first, second, elsewhere = processes(data), processes(data), processes(other)
    assert (first == second) is stay
    assert first.isdisjoint(elsewhere), "workers serve the data set that they were made with"


@pytest.mark.parametrize("factor, ahead", [(None, 2), (1, 1), (5, 5)])
def test_dataloader_prefetch_factor_is_how_far_each_worker_is_ahead(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch, factor: int | None, ahead: int
) -> None:
    asked: list[int] = []
    walk: Callable[[EpochSampler], Iterator[int]] = EpochSampler.__iter__

    def counted(sampler: EpochSampler) -> Iterator[int]:
        for row in walk(sampler):
            asked.append(row)
            yield row

    monkeypatch.setattr(EpochSampler, "__iter__", counted)
    trainer = make_trainer(
        train_dataset=Rows(64), dataloader_num_workers=2, dataloader_prefetch_factor=factor, logging_steps=1
    )
    walking = batches_at(trainer.get_train_dataloader(), DataPosition(0, 0, seed=0)).batches
    assert len(asked) == 2 * ahead * trainer.args.per_device_train_batch_size
    next(walking)
    assert len(asked) == (2 * ahead + 1) * trainer.args.per_device_train_batch_size


@pytest.mark.parametrize("wanted, device, pinned", [(True, "cuda", 6), (False, "cuda", 0), (True, "cpu", 0)])
def test_dataloader_pin_memory_pins_each_batch_for_an_accelerator(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch, wanted: bool, device: str, pinned: int
) -> None:
    seen: list[Any] = []

    def pin(batch: Any, device: str | None) -> Any:
        seen.append(device)
        return batch

    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda *_: torch.device("cuda"))
    monkeypatch.setattr("torch.utils.data._utils.pin_memory.pin_memory", pin)
    trainer = make_trainer(dataloader_pin_memory=wanted, use_cpu=False)
    trainer.parts.device = torch.device(device)
    assert len(list(trainer.get_train_dataloader())) == 6
    assert seen == ["cuda"] * pinned
