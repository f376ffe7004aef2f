"""Data sets of Hugging Face: columns are read, not rows; formats and transforms stay."""

from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy
import pytest
import torch
from tests.training.small_job import Line, Make

from trainspec.training.data import ColumnFilter, collate, column_names, first_row, is_iterable, row_count
from trainspec.training.data.lengths import measure

datasets = pytest.importorskip("datasets")

COLUMNS: dict[str, list[Any]] = {
    "text": ["a", "bb", "ccc"],
    "words": [[1], [1, 2], [1, 2, 3]],
    "length": [7, 8, 9],
    "number": [0, 1, 2],
}


def _table() -> Any:
    return datasets.Dataset.from_dict(COLUMNS)


@pytest.fixture
def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    read: list[int] = []
    get: Callable[[Any, Any], Any] = datasets.Dataset.__getitem__

    def noted(table: Any, key: Any) -> Any:
        if isinstance(key, int):
            read.append(key)
        return get(table, key)

    monkeypatch.setattr(datasets.Dataset, "__getitem__", noted)
    return read


LENGTHS: dict[str, tuple[Callable[[], Any], dict[str, Any], list[int]]] = {
    "column": (_table, {"column": "length"}, [7, 8, 9]),
    "chosen rows": (lambda: _table().select([2, 0]), {"column": "length"}, [9, 7]),
    "lists": (_table, {"column": None, "input_name": "words"}, [1, 2, 3]),
    "lists of chosen rows": (lambda: _table().select([2, 0]), {"column": None, "input_name": "words"}, [3, 1]),
    "text": (_table, {"column": None}, [1, 2, 3]),
    "as tensors": (lambda: _table().with_format("torch"), {"column": None, "input_name": "words"}, [1, 2, 3]),
    "column as tensors": (lambda: _table().with_format("torch"), {"column": "length"}, [7, 8, 9]),
    "nothing": (lambda: _table().select([]), {"column": "none"}, []),
}


@pytest.mark.parametrize("make, how, lengths", LENGTHS.values(), ids=LENGTHS)
def test_measure_reads_columns(
    make: Callable[[], Any], how: dict[str, Any], lengths: list[int], rows_read: list[int]
) -> None:
    assert measure(make(), **how).tolist() == lengths
    assert len(rows_read) <= 1, "at most a look at the first row"


def test_measure_takes_what_a_transform_makes() -> None:
    table = _table().with_transform(lambda rows: {"input_ids": [[0] * (number + 4) for number in rows["number"]]})
    assert measure(table, "length").tolist() == [4, 5, 6]


def _filter(*accepted: str) -> ColumnFilter:
    return ColumnFilter(collate, set(accepted), ["labels"])


def test_columns_that_the_model_does_not_take_are_not_read() -> None:
    table = _table()
    narrow = _filter("number", "words").narrowed(table)
    assert narrow.column_names == ["words", "number"]
    assert table.column_names == list(COLUMNS), "the user's own is as it was"


def test_format_stays() -> None:
    table = _table().with_format("numpy", columns=["number", "text"])
    narrow = _filter("number").narrowed(table)
    assert isinstance(narrow[0]["number"], numpy.int64) and set(narrow[0]) == {"number"}
    assert set(table[0]) == {"number", "text"}, "the user's own is as it was"


def test_columns_that_a_transform_reads_stay() -> None:
    table = _table().with_transform(lambda rows: {"number": [float(len(text)) for text in rows["text"]]})
    only_number = _filter("number")
    assert only_number.narrowed(table) is table
    assert column_names(table) == ["number"]
    assert torch.equal(only_number([table[1], table[2]])["number"], torch.tensor([2.0, 3.0]))


def test_nothing_left_is_told_by_the_rows_with_all_their_keys() -> None:
    table = _table()
    assert _filter("pixels").narrowed(table) is table


@pytest.mark.parametrize("group", [False, True])
@pytest.mark.parametrize("kind", [None, "torch", "numpy"])
def test_a_table_trains(make_trainer: Make, kind: str | None, group: bool) -> None:
    rows = {
        "inputs": [[float(n)] * 4 for n in range(12)],
        "labels": [[1.0]] * 12,
        "number": list(range(12)),
        "text": ["t"] * 12,
        "length": list(range(12)),
    }
    table = datasets.Dataset.from_dict(rows).with_format(kind)
    trainer = make_trainer(train_dataset=table, eval_dataset=table, num_train_epochs=2, group_by_length=group)
    trainer.train()
    assert sorted(chain.from_iterable(trainer.model.seen[:3])) == list(range(12))
    assert "text" not in trainer.get_train_dataloader().dataset.column_names
    assert (11 in trainer.model.seen[0] and 11 in trainer.model.seen[3]) or not group


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_of_rows_trains_and_is_shuffled_anew_in_each_epoch(make_trainer: Make, workers: int) -> None:
    rows = {"inputs": [[float(n)] * 4 for n in range(12)], "labels": [[1.0]] * 12, "number": list(range(12))}
    stream = datasets.Dataset.from_dict(rows).to_iterable_dataset(num_shards=4).shuffle(seed=1, buffer_size=12)
    assert is_iterable(stream) and row_count(stream) is None and first_row(stream) is None
    assert column_names(stream) == list(rows)
    settings = {"dataloader_num_workers": workers, "dataloader_persistent_workers": workers > 0}
    trainer = make_trainer(
        model=Line(), train_dataset=stream, per_device_train_batch_size=6, max_steps=4, logging_steps=1, **settings
    )
    trainer.train()
    epochs = [list(chain.from_iterable(trainer.model.seen[start : start + 2])) for start in (0, 2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(12))
    assert epochs[0] != epochs[1]
