"""Which rows of an epoch go to which process: a function of numbers alone.

All processes have one order of the whole epoch. In every step each takes its batch from where the last one ended:

    rows of the order   0 1 2 3 | 4 5 6 7 | 8 9
    step and rank       0,0 0,1 | 1,0 1,1 | 2,0      two processes, batches of two

So what was used up is always the beginning of the order, and other numbers of processes or rows go on behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Share(NamedTuple):
    """One batch of one process: `rows`, of which the first `real` count; the others are there to keep step only."""

    rows: Sequence[int]
    real: int


def share(
    order: Sequence[int],
    rank: int,
    world_size: int,
    batch_size: int,
    start_row: int = 0,
    *,
    drop_last: bool = False,
    drop_uneven: bool = False,
) -> Iterator[Share]:
    """The batches of process `rank` from `start_row` of the order on: in every process the same number of them.

    The last step may have less than a full batch for each. With `drop_last` it is left out, with `drop_uneven` where it
    has no row for somebody. Else batches are short, and a process for which nothing is left gets the rows of its step
    before again, or where there is none the first row of all: they do not count.
    """
    step_rows = world_size * batch_size
    needed = step_rows if drop_last else step_rows - batch_size + 1 if drop_uneven else 1
    for step_start in range(start_row, len(order), step_rows):
        if len(order) - step_start < needed:
            return
        begin = step_start + rank * batch_size
        rows = order[begin : begin + batch_size]
        if len(rows):
            yield Share(rows, len(rows))
            continue
        # Also those of a step before `start_row`: who goes on there computes what was computed the first time.
        before = begin - step_rows
        yield Share(order[before : before + batch_size] if before >= 0 else order[:1], 0)


def uneven_rows(length: int, batch_size: int, shares: int) -> int:
    """Rows of a last step in which a process has none; 0 where each has one."""
    rest = length % (batch_size * shares)
    return rest if rest <= batch_size * (shares - 1) else 0


def used_after(steps: int, length: int, world_size: int, batch_size: int, start_row: int = 0) -> int:
    """The row of the order where the next step begins, `steps` steps after one that began at `start_row`."""
    return min(start_row + steps * world_size * batch_size, length)
