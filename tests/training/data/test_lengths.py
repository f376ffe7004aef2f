"""Orders by length, and how lengths are found."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import TensorDataset

from trainspec.training.data import GroupedEpochSampler, LengthGroupedSampler, RowLengthError
from trainspec.training.data.lengths import as_lengths, batches_in_a_group, measure

LENGTHS = st.lists(st.integers(0, 50), min_size=1, max_size=300)
SIZES = st.integers(1, 9)


def _order(lengths: Any, batch_size: int, seed: int = 0) -> list[int]:
    return list(LengthGroupedSampler(batch_size, lengths=lengths, generator=torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize("rows, size, batches", [(1, 8, 1), (31, 8, 1), (64, 8, 2), (1592, 8, 49), (9999, 8, 50)])
def test_rows_are_sorted_in_four_groups_or_in_groups_of_50_batches(rows: int, size: int, batches: int) -> None:
    assert batches_in_a_group(rows, size) == batches


@given(LENGTHS, SIZES)
def test_order_is_sorted_within_groups_of_a_shuffle_and_starts_with_the_longest(lengths: list[int], size: int) -> None:
    order = _order(lengths, size)
    assert sorted(order) == list(range(len(lengths)))
    group = batches_in_a_group(len(lengths), size) * size
    shuffled = torch.randperm(len(lengths), generator=torch.Generator().manual_seed(0)).tolist()
    groups = [sorted(shuffled[start : start + group], key=lambda row: -lengths[row]) for start in _starts(order, group)]
    # One batch may have been brought to the front, in exchange for the one that was there.
    longest = max(range(len(groups)), key=lambda number: lengths[groups[number][0]])
    count = min(size, len(groups[longest]))
    if longest:
        groups[0][:count], groups[longest][:count] = groups[longest][:count], groups[0][:count]
    assert order == [row for rows in groups for row in rows]
    assert max(lengths) in [lengths[row] for row in order[:size]]


def _starts(order: list[int], group: int) -> range:
    return range(0, len(order), group)


@pytest.mark.parametrize("longest", [2**20, 2**40], ids=["32-bit", "64-bit"])
def test_order_of_large_lengths(longest: int) -> None:
    lengths = numpy.random.default_rng(0).integers(0, longest, 5000)
    lengths[77] = longest
    order = _order(lengths, 4)
    assert order[0] == 77 and sorted(order) == list(range(5000))
    second = lengths[order[200:400]]
    assert (numpy.diff(second) <= 0).sum() >= 198, "but for a batch that may have changed places"


def test_order_of_nothing_is_empty() -> None:
    assert _order([], 4) == []


def test_sampler_is_a_function_of_seed_and_epoch_and_starts_anywhere() -> None:
    lengths = as_lengths(range(100))
    sampler, same = GroupedEpochSampler(lengths, 4, seed=1), GroupedEpochSampler(lengths, 4, seed=1)
    whole = []
    for epoch in range(3):
        sampler.move_to(epoch)
        whole.append(list(sampler))
    same.move_to(2, start=60)
    assert list(same) == whole[2][60:] and len(same) == 100
    assert all(first != second for first, second in pairwise(whole))


def test_sampler_draws_from_torch_where_it_is_given_no_generator() -> None:
    orders = []
    for _ in range(2):
        torch.manual_seed(5)
        orders.append(list(LengthGroupedSampler(2, lengths=list(range(20)))))
    assert orders[0] == orders[1] != _order(list(range(20)), 2, seed=6)


def test_order_agrees_with_that_of_transformers_but_for_the_first_batch() -> None:
    theirs = pytest.importorskip("transformers.trainer_pt_utils").get_length_grouped_indices
    lengths = numpy.random.default_rng(1).integers(1, 40, 1003).tolist()
    expected = theirs(lengths, 4, generator=torch.Generator().manual_seed(0))
    differing = [place for place, (a, b) in enumerate(zip(_order(lengths, 4), expected, strict=True)) if a != b]
    assert len(differing) <= 2 * 4, "they exchange one row, here its batch goes with it"


MEASURED: dict[str, tuple[Any, dict[str, Any], list[int]]] = {
    "column": ([{"n": 3, "x": [0]}, {"n": 1, "x": [0, 0]}], {"column": "n"}, [3, 1]),
    "no such column": ([{"n": 3, "input_ids": [0]}], {"column": "length"}, [1]),
    "input_ids": ([{"labels": [0, 0, 0], "input_ids": [0]}], {"column": None}, [1]),
    "the model's main input": ([{"input_ids": [0], "frames": [0, 0]}], {"column": None, "input_name": "frames"}, [2]),
    "a main input that is not there": ([{"a": 1, "x": "four"}], {"column": None, "input_name": "pixels"}, [4]),
    "first key with a length": ([{"id": 7, "shape": torch.tensor(1), "x": torch.ones(5, 2)}], {"column": None}, [5]),
    "tensors": (torch.ones(2, 3), {"column": None}, [3, 3]),
    "numpy": (numpy.ones((2, 4)), {"column": None}, [4, 4]),
    "tuples": (TensorDataset(torch.ones(2, 6), torch.ones(2)), {"column": None}, [6, 6]),
    "lists": ([[1, 2], [3]], {"column": None}, [2, 1]),
    "objects": ([SimpleNamespace(input_ids=[1, 2, 3], length=9)], {"column": "length"}, [9]),
    "objects, measured": ([SimpleNamespace(input_ids=[1, 2, 3])], {"column": "length"}, [3]),
    "nothing": ([], {"column": None}, []),
}


@pytest.mark.parametrize("dataset, how, lengths", MEASURED.values(), ids=MEASURED)
def test_measure(dataset: Any, how: dict[str, Any], lengths: list[int]) -> None:
    found = measure(dataset, **how)
    assert found.tolist() == lengths and found.dtype == numpy.int64


UNMEASURABLE: dict[str, tuple[Any, str]] = {
    "no entry has one": ([{"x": 1.0, "y": torch.tensor(2)}], r"of the row's entries 'x', 'y' none has a length"),
    "a number": ([1.0], "a row of type float has no length"),
    "a scalar": (torch.ones(3), "a row of type Tensor has no length"),
    "text in the column": ([{"n": "long"}], "have to be numbers"),
    "none in the column": ([{"n": 3}, {"n": None}], "have to be numbers"),
    "below 0": ([{"n": -1}], "0 or above"),
    "not a number": ([{"n": float("nan")}], "0 or above"),
}


@pytest.mark.parametrize("dataset, message", UNMEASURABLE.values(), ids=UNMEASURABLE)
def test_measure_says_what_has_no_length(dataset: Any, message: str) -> None:
    with pytest.raises(RowLengthError, match=message):
        measure(dataset, "n")


def test_measuring_leaves_no_trace_in_generators() -> None:
    class Random:
        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: int) -> dict[str, Any]:
            return {"input_ids": [0] * int(torch.randint(1, 9, ()) + numpy.random.randint(3))}

    states = torch.get_rng_state(), numpy.random.get_state()[1].copy()
    measure(Random(), None)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert numpy.array_equal(numpy.random.get_state()[1], states[1])


def test_length_grouped_sampler_needs_something_to_go_by() -> None:
    with pytest.raises(ValueError, match="dataset to measure, or lengths"):
        LengthGroupedSampler(4)
    sampler = LengthGroupedSampler(2, dataset=[{"input_ids": [0] * n} for n in (1, 5, 3)])
    assert sampler.lengths.tolist() == [1, 5, 3] and len(sampler) == 3
    assert LengthGroupedSampler(2, lengths=torch.tensor([4, 2])).lengths.tolist() == [4, 2]
