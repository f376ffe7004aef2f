"""Promise: the place in an epoch follows from the two numbers that transformers keeps, as a plain loop counts it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trainspec.training.foreign.position import batches_in_epoch


@given(st.integers(1, 4000), st.integers(1, 64), st.integers(0, 30), st.data())
def test_it_is_what_a_loop_counts(length: int, accumulation: int, epochs: int, data: st.DataObject) -> None:
    """`length` batches an epoch; the last update of an epoch may have fewer than the others."""
    updates = -(-length // accumulation)
    within = data.draw(st.integers(0, updates - 1))
    seen = within * accumulation
    step, epoch = epochs * updates + within, epochs + seen / length
    done, batches = batches_in_epoch(step, epoch, accumulation)
    assert done == epochs
    if epochs == 0:
        assert batches == seen
    else:
        # Other lengths may fit the same two numbers; none of them is far away.
        assert abs(batches - seen) <= accumulation


@given(st.integers(1, 4000), st.integers(1, 30), st.data())
def test_without_accumulation_it_is_exact(length: int, epochs: int, data: st.DataObject) -> None:
    seen = data.draw(st.integers(0, length - 1))
    assert batches_in_epoch(epochs * length + seen, epochs + seen / length, 1) == (epochs, seen)


@given(st.integers(0, 10**7), st.floats(0, 1e6), st.integers(1, 512))
def test_numbers_that_do_not_agree_are_no_reason_to_fail(step: int, epoch: float, accumulation: int) -> None:
    done, batches = batches_in_epoch(step, epoch, accumulation)
    assert done >= 0 and batches >= 0
