"""Clipping gives the numbers of torch's own function to the bit, whatever the gradients are."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from trainspec.training.optimizers.clipping import clip_gradients

SHAPES = st.lists(st.sampled_from([(), (1,), (3,), (2, 5), (0, 4)]), max_size=5)
NUMBERS = st.one_of(st.floats(-1e3, 1e3, width=32), st.sampled_from([0.0, 1e-30, 1e30, math.inf, -math.inf, math.nan]))


def parameters(shapes: list[tuple[int, ...]], draw: list[float], dtypes: list[torch.dtype]) -> list[nn.Parameter]:
    made, numbers = [], iter(draw * 100)
    for place, shape in enumerate(shapes):
        value = nn.Parameter(torch.zeros(shape, dtype=dtypes[place % len(dtypes)]))
        # Every fourth has none.
        if place % 4 != 3:
            filled = [next(numbers) for _ in range(math.prod(shape))]
            value.grad = torch.tensor(filled, dtype=value.dtype).reshape(shape)
        made.append(value)
    return made


def same(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one.nan_to_num(7.5), other.nan_to_num(7.5))


@given(
    SHAPES,
    st.lists(NUMBERS, min_size=1, max_size=6),
    st.sampled_from([0.0, 0.5, 1.0, 1e4]),
    st.sampled_from([[torch.float32], [torch.float64], [torch.bfloat16], [torch.float32, torch.float64]]),
)
def test_as_torch_does_it(
    shapes: list[tuple[int, ...]], numbers: list[float], max_norm: float, dtypes: list[torch.dtype]
) -> None:
    ours, theirs = (parameters(shapes, numbers, dtypes) for _ in range(2))
    norm = clip_gradients(iter(ours), max_norm)
    if max_norm > 0:
        wanted = nn.utils.clip_grad_norm_(theirs, max_norm)
    else:
        wanted = nn.utils.get_total_norm([value.grad for value in theirs if value.grad is not None])
    assert same(norm, wanted)
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.grad is None) == (other.grad is None)
        assert mine.grad is None or (other.grad is not None and same(mine.grad, other.grad))


@pytest.mark.parametrize("max_norm", [0.0, 0.5, 1000.0])
def test_sparse_gradients_are_clipped_as_dense_ones_are(max_norm: float) -> None:
    clipped: dict[bool, tuple[torch.Tensor, list[torch.Tensor]]] = {}
    for sparse in (False, True):
        torch.manual_seed(0)
        words, head = torch.nn.Embedding(9, 3, sparse=sparse), torch.nn.Linear(3, 2)
        # One row twice, which is two entries before they are added up.
        head(words(torch.tensor([1, 4, 4]))).square().sum().backward()
        values = [words.weight, head.weight, head.bias]
        norm = clip_gradients(values, max_norm)
        clipped[sparse] = norm, [value.grad.to_dense() if value.grad.is_sparse else value.grad for value in values]
    torch.testing.assert_close(clipped[True], clipped[False])
