"""Outputs of many batches become one, ragged ones filled up; what cannot be joined is named, with what to set."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.training.small_job import Line, Make, Rows
from torch import Tensor, nn

from trainspec.training.errors import OutputsError
from trainspec.training.evaluation.joined import Gathered


@dataclass
class Inner:
    scores: Tensor
    hidden: Tensor | None = None


class Pair(NamedTuple):
    one: Tensor
    other: Tensor


def _joined(*values: Any, held: int | None = None) -> Any:
    gathered = Gathered("predictions", held)
    for value in values:
        gathered.add(value)
    return gathered.joined()


@given(
    st.integers(1, 3).flatmap(lambda rank: st.lists(st.lists(st.integers(0, 4), min_size=rank, max_size=rank))),
    st.sampled_from([torch.float64, torch.int64, torch.uint8, torch.bool, torch.bfloat16, torch.float16]),
    st.sampled_from([None, 1, 2]),
)
def test_tensors_of_any_lengths(sizes: list[list[int]], dtype: torch.dtype, held: int | None) -> None:
    tensors = [(torch.arange(numpy.prod(size) % 100).sum() + torch.ones(size)).to(dtype) for size in sizes]
    joined = _joined(*tensors, held=held)
    if not tensors:
        assert joined is None
        return
    assert len(joined) == sum(map(len, tensors))
    row = 0
    for tensor in tensors:
        place = (slice(row, row + len(tensor)), *map(slice, tensor.shape[1:]))
        numpy.testing.assert_array_equal(joined[place].astype(float), tensor.double().numpy())
        joined[place] = 0
        row += len(tensor)
    assert not (set(numpy.unique(joined).tolist()) - {0, -100}), "the rest is the ignored label"


JOINED: dict[str, tuple[list[Any], Any]] = {
    "numbers without dimension are rows": ([torch.tensor(1.0), torch.tensor(2.0)], [1, 2]),
    "Python's numbers": ([1.5, 2], [1.5, 2]),
    "flags": ([torch.tensor([True]), torch.tensor([False, True])], [True, False, True]),
    "ragged flags": ([torch.tensor([[True]]), torch.tensor([[False, True]])], [[1, -100], [0, 1]]),
    "ragged bytes": ([torch.ones(1, 1).byte(), torch.ones(1, 2).byte()], [[1, -100], [1, 1]]),
    "arrays": ([numpy.ones(2), numpy.zeros(1)], [1, 1, 0]),
    "ragged arrays": ([numpy.ones((1, 1)), numpy.zeros((1, 2))], [[1, -100], [0, 0]]),
    "an array and a tensor": ([numpy.ones(1), torch.zeros(1)], [1, 0]),
    "half precision": ([torch.ones(1).bfloat16(), torch.ones(1).half()], [1, 1]),
    "sparse": ([torch.eye(2).to_sparse(), torch.eye(2).to_sparse_csr()], [[1, 0], [0, 1], [1, 0], [0, 1]]),
    "conjugates": ([torch.tensor([1j]).conj()], [-1j]),
    "lists of numbers": ([[1, 2], [3]], [1, 2, 3]),
    "lists of ragged lists": ([[[1], [2]], [[3, 4]]], [[1, -100], [2, -100], [3, 4]]),
    "lists ragged within": ([[[1], [2, 3]], [[4]]], [[1], [2, 3], [4]]),
    "lists of texts": ([["a", "bc"], ["d"]], ["a", "bc", "d"]),
    "texts": (["a", "bc"], ["a", "bc"]),
    "nested": ([torch.nested.nested_tensor([torch.ones(1), torch.ones(2)])], [[1, -100], [1, 1]]),
}


@pytest.mark.parametrize("name", JOINED)
def test_what_can_be_joined(name: str) -> None:
    values, expected = JOINED[name]
    joined = _joined(*values)
    assert (joined.tolist() if isinstance(joined, numpy.ndarray) else joined) == expected


def test_nests_are_joined_entry_by_entry() -> None:
    first = {
        "a": (torch.ones(2), [torch.ones(2, 1)]),
        "b": Inner(torch.zeros(2)),
        "c": Pair(torch.ones(2), torch.ones(2)),
    }
    second = {
        "a": (torch.ones(1), [torch.ones(1, 2)]),
        "b": Inner(torch.ones(1)),
        "c": Pair(torch.ones(1), torch.ones(1)),
    }
    joined = _joined(first, second)
    assert joined["a"][0].shape == (3,) and joined["a"][1][0].tolist() == [[1, -100], [1, -100], [1, 1]]
    assert {key: value.tolist() for key, value in joined["b"].items()} == {"scores": [0, 0, 1]}
    assert [column.shape for column in joined["c"]] == [(3,), (3,)]


REFUSED: dict[str, tuple[list[Any], str]] = {
    "dimensions": ([torch.ones(2), torch.ones(2, 2)], r"predictions .* batch 1 has 1 dimensions, batch 2 has 2"),
    "a tuple of another length": ([(torch.ones(1),), (torch.ones(1),) * 2], r"1 entries, batch 2 has 2 entries"),
    "None in a batch": ([torch.ones(1), None], r"predictions .* batch 2 has none"),
    "None in a nest": ([{"a": torch.ones(1)}, {"a": None}], r"predictions\['a'\] .* batch 2 has none"),
    "a key in one batch": ([{"a": torch.ones(1)}, {"b": torch.ones(1)}], r"predictions\['a'\]"),
    "kinds": ([torch.ones(1), {"a": 1}], "a ndarray, batch 2 has a dict"),
    "texts and numbers": ([numpy.array(["a"]), numpy.array([1])], "batch 1 has texts, batch 2 has numbers"),
    "an object": ([object(), object()], "rows of a object"),
    "deep inside": ([(1, {"x": torch.ones(1)}), (1, {"x": torch.ones(1, 1)})], r"predictions\[1\]\['x'\]"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_joined_is_named_with_what_to_set(name: str) -> None:
    values, named = REFUSED[name]
    with pytest.raises(OutputsError, match=named) as caught:
        _joined(*values)
    for way in ("ignore_keys", "preprocess_logits_for_metrics", "eval_do_concat_batches: false"):
        assert way in str(caught.value)


class Returns(nn.Module):
    """Some more output, by the number of the batch."""

    def __init__(self, *outputs: Any) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)
        self.outputs = list(outputs)

    def forward(self, inputs: Tensor, labels: Tensor | None = None) -> dict[str, Any]:
        return {"loss": self.layer(inputs).mean(), "logits": self.layer(inputs), "extra": self.outputs.pop(0)}


@pytest.mark.parametrize(
    "outputs, named",
    [
        ((torch.ones(5), None), "'extra' in some batches and None"),
        ((torch.ones(5), torch.ones(5, 5)), r"predictions \('extra'\) of several batches"),
    ],
)
def test_an_output_is_called_by_the_models_name(make_trainer: Make, outputs: Any, named: str) -> None:
    trainer = make_trainer(model=Returns(*outputs), per_device_eval_batch_size=5)
    with pytest.raises(OutputsError, match=named):
        trainer.predict(Rows(10))
    trainer = make_trainer(model=Returns(*outputs), per_device_eval_batch_size=5)
    assert trainer.predict(Rows(10), ignore_keys=["extra"]).predictions.shape == (10, 1)
    trainer = make_trainer(model=Returns(*outputs), per_device_eval_batch_size=5, eval_do_concat_batches=False)
    assert len(trainer.predict(Rows(10)).predictions) == 2


@pytest.mark.parametrize("make", [Tensor.numpy, Tensor.tolist, tuple], ids=["array", "list", "tuple"])
def test_preprocess_logits_for_metrics_returns_what_it_likes(make_trainer: Make, make: Any) -> None:
    trainer = make_trainer(
        per_device_eval_batch_size=5, preprocess_logits_for_metrics=lambda logits, labels: make(logits[:, 0])
    )
    found = trainer.predict(Rows(10)).predictions
    expected = trainer.model.layer(Rows(10).inputs).detach().numpy()[:, 0]
    flat = numpy.asarray(found)
    numpy.testing.assert_allclose(
        flat.reshape(5, 2).T.ravel() if isinstance(found, tuple) else flat, expected, rtol=1e-6
    )


def test_labels_in_some_batches_only_are_named(make_trainer: Make) -> None:
    def collated(rows: Any) -> dict[str, Tensor]:
        batch = {key: torch.stack([row[key] for row in rows]) for key in ("inputs", "labels")}
        return batch if int(rows[0]["number"]) == 0 else {"inputs": batch["inputs"]}

    trainer = make_trainer(
        model=Line(), data_collator=collated, per_device_eval_batch_size=5, remove_unused_columns=False
    )
    with pytest.raises(OutputsError, match=r"labels of several batches .* batch 2 has none, batch 1 has some"):
        trainer.predict(Rows(10))
