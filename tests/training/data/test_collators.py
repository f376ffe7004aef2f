"""Rows become batches as scripts written for transformers expect them."""

from collections import UserDict
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import torch

from trainspec.training.data import DataCollatorWithPadding, collate, collator_for, default_data_collator
from trainspec.training.errors import CollationError

LONG, FLOAT, DOUBLE = torch.int64, torch.float32, torch.float64
# One row, twice in the batch; what its keys become: values and type.
ROWS: dict[str, tuple[Any, dict[str, tuple[Any, torch.dtype]]]] = {
    "numbers": ({"a": 1, "b": 2.5, "c": True}, {"a": (1, LONG), "b": (2.5, FLOAT), "c": (True, torch.bool)}),
    "lists": ({"a": [1, 2], "b": [[0.5]]}, {"a": ([1, 2], LONG), "b": ([[0.5]], FLOAT)}),
    "tensors": ({"a": torch.ones(2, dtype=torch.int8)}, {"a": ([1, 1], torch.int8)}),
    "numpy": ({"a": numpy.ones(2), "b": numpy.int16(3)}, {"a": ([1, 1], DOUBLE), "b": (3, torch.int16)}),
    "lists of tensors": ({"a": [torch.ones(2), torch.zeros(2)]}, {"a": ([[1, 1], [0, 0]], FLOAT)}),
    "lists of numpy": ({"a": [numpy.ones(2, dtype=numpy.float32)]}, {"a": ([[1, 1]], FLOAT)}),
    "text and None": ({"a": 1, "t": "text", "n": None}, {"a": (1, LONG)}),
    "class label": ({"label": 3}, {"labels": (3, LONG)}),
    "class label, numpy": ({"label": numpy.int32(3)}, {"labels": (3, LONG)}),
    "class label, tensor": ({"label": torch.tensor(3, dtype=torch.int16)}, {"labels": (3, LONG)}),
    "value label": ({"label": 0.5}, {"labels": (0.5, FLOAT)}),
    "value label, numpy": ({"label": numpy.float64(0.5)}, {"labels": (0.5, FLOAT)}),
    "label_ids": ({"label_ids": [1, 2]}, {"labels": ([1, 2], LONG)}),
    "label_ids, tensor": ({"label_ids": torch.tensor([1, 2])}, {"labels": ([1, 2], LONG)}),
    "label_ids, values": ({"label_ids": [0.5, 1.0]}, {"labels": ([0.5, 1.0], FLOAT)}),
    "label of None": ({"a": 1, "label": None}, {"a": (1, LONG)}),
    "label over label_ids": ({"label": 1, "label_ids": [2]}, {"labels": (1, LONG)}),
    "labels over label": ({"label": 1, "labels": 2}, {"labels": (2, LONG)}),
    "labels": ({"labels": 2.0}, {"labels": (2.0, FLOAT)}),
    "object": (SimpleNamespace(a=1, label=2, t="text"), {"a": (1, LONG), "labels": (2, LONG)}),
    "mapping": (UserDict({"a": 1}), {"a": (1, LONG)}),
}


@pytest.mark.parametrize("function", [collate, default_data_collator])
@pytest.mark.parametrize("row, expected", ROWS.values(), ids=ROWS)
def test_collators(row: Any, expected: dict[str, tuple[Any, torch.dtype]], function: Any) -> None:
    batch = function([row, row])
    assert batch.keys() == expected.keys()
    for key, (value, dtype) in expected.items():
        assert torch.equal(batch[key], torch.tensor([value, value], dtype=dtype)) and batch[key].dtype == dtype, key


@pytest.mark.parametrize("name", [name for name in ROWS if "lists of" not in name])
def test_default_data_collator_agrees_with_that_of_transformers(name: str) -> None:
    theirs = pytest.importorskip("transformers").default_data_collator
    row = ROWS[name][0]
    expected, mine = theirs([row, row]), default_data_collator([row, row])
    assert expected.keys() == mine.keys()
    for key, value in expected.items():
        assert torch.equal(value, mine[key]) and value.dtype == mine[key].dtype


def test_default_data_collator_makes_arrays() -> None:
    batch = default_data_collator([{"a": [1.0], "label": 1}], return_tensors="np")
    assert isinstance(batch["a"], numpy.ndarray) and batch["labels"].tolist() == [1]
    with pytest.raises(ValueError, match="'tf', not 'pt' or 'np'"):
        default_data_collator([{"a": 1}], return_tensors="tf")


MISFITS: dict[str, tuple[list[Any], str]] = {
    "lengths": ([{"x": [1]}, {"x": [1, 2]}], r"'x' cannot be stacked into a batch \(lengths \[1, 2\]\).*data_collator"),
    "shapes": ([{"x": torch.ones(1)}, {"x": torch.ones(2)}], r"'x'.*shapes \(1,\), \(2,\)"),
    "words": ([{"x": ["a", "b"]}], "'x' cannot be stacked"),
    "key missing": ([{"x": 1, "y": 2}, {"x": 1}], r"first row of the batch holds 'y', another one only \['x'\]"),
    "None later": ([{"x": 1}, {"x": None}], "'x' cannot be stacked"),
    "text in a tuple": ([("a", 1)], "0 cannot be stacked"),
}


@pytest.mark.parametrize("rows, message", MISFITS.values(), ids=MISFITS)
def test_collate_names_what_does_not_fit(rows: list[Any], message: str) -> None:
    with pytest.raises(CollationError, match=message):
        collate(rows)


class Padder:
    """As much of a tokenizer as pads."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}
        self.deprecation_warnings: dict[str, bool] = {"other": True}

    def pad(self, rows: Any, **told: Any) -> dict[str, Any]:
        self.told = told
        assert self.deprecation_warnings["Asking-to-pad-a-fast-tokenizer"]
        longest = max(len(row["input_ids"]) for row in rows)
        padded = [row["input_ids"] + [0] * (longest - len(row["input_ids"])) for row in rows]
        rest = {key: torch.tensor([row[key] for row in rows]) for key in rows[0] if key != "input_ids"}
        return {"input_ids": torch.tensor(padded), **rest}


def test_padding_is_left_to_the_tokenizer() -> None:
    padder = Padder()
    collator = DataCollatorWithPadding(padder, padding="max_length", max_length=9, pad_to_multiple_of=4)
    batch = collator([{"input_ids": [1], "label": 3}, {"input_ids": [1, 2], "label": 4}])
    assert batch["input_ids"].tolist() == [[1, 0], [1, 2]] and batch["labels"].tolist() == [3, 4]
    assert "label" not in batch
    assert padder.told == {
        "padding": "max_length",
        "max_length": 9,
        "pad_to_multiple_of": 4,
        "return_tensors": "pt",
    }
    assert padder.deprecation_warnings == {"other": True}, "as it was"
    assert "labels" in collator([{"input_ids": [1], "label_ids": 3}])


def test_padding_with_a_real_tokenizer() -> None:
    transformers, tokenizers = pytest.importorskip("transformers"), pytest.importorskip("tokenizers")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[PAD]": 0, "a": 1}, unk_token="[PAD]"))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]")
    batch = collator_for(tokenizer)([{"input_ids": [1], "label": 1}, {"input_ids": [1, 1, 1], "label": 0}])
    assert batch["input_ids"].tolist() == [[1, 0, 0], [1, 1, 1]]
    assert batch["attention_mask"].tolist() == [[1, 0, 0], [1, 1, 1]] and batch["labels"].tolist() == [1, 0]


def test_without_a_tokenizer_rows_are_stacked() -> None:
    assert collator_for(None) is collate and collator_for(object()) is collate
