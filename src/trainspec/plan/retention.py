"""Which checkpoints have to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def checkpoints_to_delete(steps: Iterable[int], limit: int | None, *, best: int | None = None) -> tuple[int, ...]:
    """The steps, oldest first, of the checkpoints to delete so that `limit` (save_total_limit) are left.

    `steps` are those of valid checkpoints, oldest first. The newest is never deleted, nor `best`, the best one where a
    metric is tracked; so two are left under a limit of 1 when these differ. None deletes nothing.
    """
    ordered = list(dict.fromkeys(steps))
    if limit is None or not ordered:
        return ()
    deletable = [step for step in ordered if step not in (best, ordered[-1])]
    return tuple(deletable[: max(0, len(ordered) - limit)])
