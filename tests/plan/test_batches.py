"""Promise: the counts are those of a loop that really cuts rows into micro-batches and windows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec.plan.batches import PlanError, check_rows, cut_epoch


@given(
    rows=st.integers(0, 300),
    size=st.integers(1, 9),
    accumulation=st.integers(1, 5),
    devices=st.integers(1, 4),
    drop_last=st.booleans(),
)
def test_against_a_loop(rows: int, size: int, accumulation: int, devices: int, drop_last: bool) -> None:
    left = list(range(rows))
    windows: list[list[int]] = [[]]
    used = 0
    while left:
        batch, left = left[: size * devices], left[size * devices :]
        if drop_last and len(batch) < size * devices:
            break
        used += len(batch)
        if len(windows[-1]) == accumulation:
            windows.append([])
        windows[-1].append(len(batch))
    plan = cut_epoch(
        rows,
        per_device_batch_size=size,
        accumulation_steps=accumulation,
        world_size=devices,
        drop_last=drop_last,
    )
    assert plan.micro_batches == sum(map(len, windows))
    assert plan.updates == len([window for window in windows if window])
    assert plan.dropped_rows == rows - used
    assert (plan.global_rows, plan.update_rows) == (size * devices, size * devices * accumulation)


def test_data_without_length() -> None:
    plan = cut_epoch(None, per_device_batch_size=8, accumulation_steps=2, world_size=3)
    assert (plan.micro_batches, plan.updates, plan.dropped_rows) == (None, None, 0)
    assert plan.update_rows == 48


@pytest.mark.parametrize(
    ("rows", "drop_last", "message"),
    [
        (0, False, "no rows"),
        (0, True, "no rows"),
        (7, True, "drops every row: 7 do not fill a batch of 8"),
        (7, False, None),
        (8, True, None),
        (None, True, None),
    ],
)
def test_nothing_to_train_on(rows: int | None, drop_last: bool, message: str | None) -> None:
    batches = cut_epoch(rows, per_device_batch_size=8, drop_last=drop_last)
    if message is None:
        check_rows(rows, batches, drop_last)
    else:
        with pytest.raises(PlanError, match=message):
            check_rows(rows, batches, drop_last)
