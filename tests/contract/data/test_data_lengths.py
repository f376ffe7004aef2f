"""Batches of similar length."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import pytest
import torch
from tests.training.small_job import Make
from torch import Tensor, nn

SIZE = 4


class Words(nn.Module):
    """Remembers the rows of each batch, and how long the batch was."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.rows: list[list[int]] = []
        self.widths: list[int] = []

    def forward(self, input_ids: Tensor, row: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.training:
            self.rows.append(row.tolist())
            self.widths.append(input_ids.shape[1])
        result: Tensor = (self.weight * input_ids.float()).mean()
        return result


def _lengths(count: int = 64) -> list[int]:
    return (torch.randperm(count, generator=torch.Generator().manual_seed(1)) + 1).tolist()


def _rows(**columns: Sequence[int]) -> list[dict[str, Any]]:
    """Row n has n-th's length of words, and the columns."""
    lengths = _lengths()
    more = [dict(zip(columns, entries, strict=True)) for entries in zip(*columns.values(), strict=True)]
    texts = [{"input_ids": [1] * length, "row": number} for number, length in enumerate(lengths)]
    return [{**text, **extra} for text, extra in zip(texts, more or [{}] * len(texts), strict=True)]


def _padded(rows: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
    words = [torch.tensor(row["input_ids"]) for row in rows]
    padded = nn.utils.rnn.pad_sequence(words, batch_first=True)
    return {"input_ids": padded, "row": torch.tensor([row["row"] for row in rows])}


def _trained(make_trainer: Make, rows: Any, **settings: Any) -> Words:
    model = Words()
    known: dict[str, Any] = {"per_device_train_batch_size": SIZE, "num_train_epochs": 2, "eval_dataset": None}
    make_trainer(model=model, train_dataset=rows, data_collator=_padded, **{**known, **settings}).train()
    return model


def test_group_by_length_pads_less_with_every_row_once(make_trainer: Make) -> None:
    grouped, mixed = (_trained(make_trainer, _rows(), group_by_length=group) for group in (True, False))
    assert sum(grouped.widths) < 0.8 * sum(mixed.widths)
    for epoch in (grouped.rows[:16], grouped.rows[16:]):
        assert sorted(chain.from_iterable(epoch)) == list(range(64))
    assert grouped.rows[:16] != grouped.rows[16:], "a new order in each epoch"


def test_group_by_length_starts_with_the_longest(make_trainer: Make) -> None:
    grouped = _trained(make_trainer, _rows(), group_by_length=True)
    assert grouped.widths[0] == grouped.widths[16] == 64


def test_group_by_length_follows_the_data_seed(make_trainer: Make) -> None:
    first, again, other = (
        _trained(make_trainer, _rows(), group_by_length=True, seed=seed, data_seed=data_seed).rows
        for seed, data_seed in [(1, 7), (2, 7), (1, 8)]
    )
    assert first == again != other


def test_group_by_length_resumes_at_the_same_batch(make_trainer: Make) -> None:
    known: dict[str, Any] = {"model": Words(), "train_dataset": _rows(), "data_collator": _padded, "eval_dataset": None}
    settings: dict[str, Any] = {"group_by_length": True, "num_train_epochs": 2}
    whole = make_trainer(**known, **settings, save_strategy="steps", save_steps=20)
    whole.train()
    path = f"{whole.args.output_dir}/checkpoint-20"
    resumed = make_trainer(**{**known, "model": Words()}, **settings, resume_from_checkpoint=path)
    resumed.train()
    assert resumed.model.rows == whole.model.rows[20:]


@pytest.mark.parametrize("name", ["length", "tokens"])
def test_length_column_name_is_believed_rather_than_measured(make_trainer: Make, name: str) -> None:
    backwards = [65 - length for length in _lengths()]
    trained = _trained(make_trainer, _rows(tokens=backwards), group_by_length=True, length_column_name=name)
    believed = name == "tokens"
    # What the column calls the longest is the shortest.
    assert (backwards.index(64) in trained.rows[0]) is believed
    assert (_lengths().index(64) in trained.rows[0]) is not believed
