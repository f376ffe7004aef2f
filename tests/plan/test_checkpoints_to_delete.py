"""Promise: the oldest go first; the newest stays, and the best while it is to be loaded at the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec.plan.retention import checkpoints_to_delete

ROWS = {
    "room for all": ([1, 2, 3], 3, None, ()),
    "oldest first": ([1, 2, 3], 2, None, (1,)),
    "order of the list, not of steps": ([100, 9, 20], 1, None, (100, 9)),
    "best is the oldest": ([1, 2, 3], 2, 1, (2,)),
    "best is the newest": ([1, 2, 3], 1, 3, (1, 2)),
    "limit 1 keeps newest and best": ([1, 2, 3], 1, 1, (2,)),
    "best is gone already": ([5, 6], 1, 1, (5,)),
    "no limit": ([1, 2, 3], None, None, ()),
    "nothing there": ([], 1, 1, ()),
}


@pytest.mark.parametrize(("steps", "limit", "best", "expected"), ROWS.values(), ids=ROWS)
def test_rows(steps: list[int], limit: int | None, best: int | None, expected: tuple[int, ...]) -> None:
    assert checkpoints_to_delete(steps, limit, best=best) == expected


@given(steps=st.sets(st.integers(1, 30), min_size=1), limit=st.integers(1, 12), data=st.data())
def test_invariants(steps: set[int], limit: int, data: st.DataObject) -> None:
    best = data.draw(st.one_of(st.none(), st.sampled_from(sorted(steps))))
    gone = checkpoints_to_delete(sorted(steps), limit, best=best)
    left = steps - set(gone)
    protected = {max(steps), best} - {None}
    assert protected <= left
    assert len(left) == min(len(steps), max(limit, len(protected)))
    assert all(step > max(gone, default=0) for step in left - protected)
    assert checkpoints_to_delete(sorted(left), limit, best=best) == ()
