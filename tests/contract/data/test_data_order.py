"""Which rows come when: by the seeds alone."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy
import pytest
import torch
from tests.training.small_job import Line, Make, Rows
from torch import Tensor

TRAIN_ROWS = 24


def _order(trainer: Any) -> list[int]:
    return list(chain.from_iterable(trainer.model.seen))


def test_seed_sets_the_order_of_the_data(make_trainer: Make) -> None:
    orders = []
    for seed in (1, 1, 2):
        trainer = make_trainer(seed=seed, num_train_epochs=2)
        trainer.train()
        orders.append(_order(trainer))
    assert orders[0] == orders[1] != orders[2]
    first, second = orders[0][:TRAIN_ROWS], orders[0][TRAIN_ROWS:]
    assert sorted(first) == sorted(second) == list(range(TRAIN_ROWS))
    assert first != second, "a new order in each epoch"


@pytest.mark.parametrize("data_seed", [0, 5, 2**32 - 1])
def test_data_seed_sets_the_order_whatever_the_seed(make_trainer: Make, data_seed: int) -> None:
    orders = []
    for seed, chosen in [(1, data_seed), (2, data_seed), (1, None)]:
        trainer = make_trainer(seed=seed, data_seed=chosen)
        trainer.train()
        orders.append(_order(trainer))
    assert orders[0] == orders[1] != orders[2]


class Drawing(Rows):
    """Every row draws from all the generators that there are."""

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        row = super().__getitem__(index)
        return {**row, "inputs": row["inputs"] + 0 * torch.rand(4) * numpy.random.rand()}


def _shuffling_collator(rows: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    torch.rand(3)
    return {key: torch.stack([row[key] for row in rows]) for key in rows[0]}


@pytest.mark.parametrize("workers", [0, 1])
def test_data_seed_order_and_weights_are_the_same_with_evaluations_and_logs(make_trainer: Make, workers: int) -> None:
    known = {"num_train_epochs": 2, "dataloader_num_workers": workers, "train_dataset": Drawing(TRAIN_ROWS)}
    plain = make_trainer(model=Line(dropout=0.5), logging_steps=100, **known)
    plain.train()
    watched = make_trainer(
        model=Line(dropout=0.5), logging_steps=1, eval_strategy="steps", eval_steps=1, eval_on_start=True, **known
    )
    watched.train()
    assert _order(watched) == _order(plain)
    assert torch.equal(watched.model.layer.weight, plain.model.layer.weight)


def test_data_seed_order_and_weights_are_the_same_when_evaluation_itself_draws(make_trainer: Make) -> None:
    known = {"num_train_epochs": 2, "data_collator": _shuffling_collator, "eval_dataset": Drawing(10)}
    plain = make_trainer(model=Line(dropout=0.5), **known)
    plain.train()
    watched = make_trainer(model=Line(dropout=0.5), eval_strategy="steps", eval_steps=2, **known)
    watched.train()
    assert torch.equal(watched.model.layer.weight, plain.model.layer.weight)


@pytest.mark.parametrize("skips", [False, True])
def test_ignore_data_skip_starts_the_epoch_again(make_trainer: Make, skips: bool) -> None:
    whole = make_trainer(num_train_epochs=2, save_strategy="steps", save_steps=8)
    whole.train()
    resumed = make_trainer(
        num_train_epochs=2,
        ignore_data_skip=skips,
        resume_from_checkpoint=f"{whole.args.output_dir}/checkpoint-8",
    )
    resumed.train()
    assert resumed.state.global_step == 12
    # Step 8 is the second of the second epoch's six.
    again = whole.model.seen[6:10] if skips else whole.model.seen[8:]
    assert resumed.model.seen == again


@pytest.mark.parametrize("drop, sizes", [(False, [10, 10, 4]), (True, [10, 10])])
@pytest.mark.parametrize("workers", [0, 1])
def test_dataloader_drop_last_leaves_out_rows_of_no_full_batch(
    make_trainer: Make, drop: bool, sizes: list[int], workers: int
) -> None:
    trainer = make_trainer(
        per_device_train_batch_size=10,
        per_device_eval_batch_size=4,
        dataloader_drop_last=drop,
        dataloader_num_workers=workers,
        num_train_epochs=2,
    )
    trainer.train()
    assert [len(rows) for rows in trainer.model.seen] == sizes * 2
    assert trainer.state.max_steps == len(sizes) * 2 and trainer.state.epoch == 2, "they count nowhere"
    assert trainer.predict(Rows(10)).predictions.shape == (10, 1), "every row counts in an evaluation"
