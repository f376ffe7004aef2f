"""Which checkpoints of an output folder may go, and their removal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainspec.plan.retention import checkpoints_to_delete
from trainspec.training.checkpoint.load import step_of
from trainspec.training.checkpoint.retention import is_left_unfinished
from trainspec.training.checkpoint.save import remove_checkpoint
from trainspec.training.foreign.facts import all_in

if TYPE_CHECKING:
    from trainspec.storage import Store


@dataclass(frozen=True)
class Pruning:
    """The steps that stay and those that go, ascending; `best` is the best of those that stay.

    `unfinished` are folders of saves that were never finished, which go; `damaged` ones stay: nothing is known of them.
    """

    kept: tuple[int, ...]
    removed: tuple[int, ...]
    unfinished: tuple[int, ...]
    damaged: tuple[int, ...]
    best: int | None
    size: int

    def to_dict(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


def pruned(folder: Store, keep: int) -> Pruning:
    """What is to go so that `keep` checkpoints are left; nothing is touched. Raises StorageError.

    Each is compared byte for byte first. The newest whole one stays, and the best where a metric is tracked, as under
    save_total_limit. `size` is what goes, in bytes.
    """
    found = {step: one for one in all_in(folder, verify=True) if (step := step_of(one.path)) is not None}
    whole = [step for step, one in found.items() if one.problem is None]
    unfinished = {step for step in found.keys() - {*whole} if is_left_unfinished(folder, step)}
    # One that is further than the newest may be under way. What a run left behind that went back may be further, too.
    unfinished = {step for step in unfinished if whole and step < whole[-1]}
    best = next((step for step in whole if found[step].best), None)
    removed = checkpoints_to_delete(whole, keep, best=best)
    return Pruning(
        tuple(step for step in whole if step not in removed),
        removed,
        tuple(sorted(unfinished)),
        tuple(sorted(found.keys() - {*whole} - unfinished)),
        best,
        sum(found[step].size for step in (*removed, *unfinished)),
    )


def remove(folder: Store, pruning: Pruning) -> None:
    """Delete what is to go, the oldest first, each so that it is whole or no checkpoint. Raises StorageError."""
    for step in (*pruning.unfinished, *pruning.removed):
        remove_checkpoint(folder, step)
