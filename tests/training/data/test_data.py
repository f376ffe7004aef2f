"""Rows reach the model in the order, size and shape that the settings say."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from trainspec.training.data import EpochSampler, collate
from trainspec.training.errors import NoBatchesError


def _order(trainer: Any) -> list[int]:
    return list(chain.from_iterable(trainer.model.seen))


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


@pytest.mark.parametrize(
    "rows, expected",
    [
        ([(torch.ones(2), 1), (torch.zeros(2), 0)], (torch.tensor([[1.0, 1], [0, 0]]), torch.tensor([1, 0]))),
        ([torch.ones(2)] * 3, torch.ones(3, 2)),
        ([1, 2], torch.tensor([1, 2])),
    ],
    ids=["tuples", "tensors", "numbers"],
)
def test_collate_rows_without_keys(rows: list[Any], expected: Any) -> None:
    got = collate(rows)
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
