"""The last line of a run that was ended: where it can be gone on from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from trainspec.storage import PermissionRefused, StorageError, hurrying, open_store
from trainspec.training.checkpoint import Checkpoint, CheckpointError, list_checkpoints
from trainspec.training.checkpoint.resume import how_to_go_on, is_damaged
from trainspec.training.run.parts import patience

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments

# Seconds for which checkpoints are read by whoever does not know of their damage.
_READING = 10.0


def farewell(args: TrainingArguments, what: str) -> str:
    """For a process that trained: it names no checkpoint that it has passed over as damaged."""
    return _told(args, what, lambda found: (one for one in found if not is_damaged(one.url)))


def farewell_of_agent(args: TrainingArguments, what: str) -> str:
    """For the process that started them, which has not read any: it does so now, from the newest on."""
    said: list[str] = []
    unread: list[Checkpoint] = []

    def whole(found: list[Checkpoint]) -> Iterator[Checkpoint]:
        unread.extend(found)
        return filter(_verifies, found)

    # Nobody waits for long who has asked twice.
    reading = threading.Thread(target=lambda: said.append(_told(args, what, whole)), daemon=True)
    reading.start()
    reading.join(_READING)
    if said:
        return said[0]
    why = f"{_READING:g} s did not suffice to read it"
    return f"{what}; the newest checkpoint may be {unread[0].url}: {why}" if unread else f"{what}; output_dir is silent"


def _told(args: TrainingArguments, what: str, whole: Callable[[list[Checkpoint]], Iterator[Checkpoint]]) -> str:
    try:
        output = open_store(args.output_dir, retry=patience(args))
        # Whoever asked this process to end does not wait for a store that is not there.
        with hurrying():
            found = list_checkpoints(output)[::-1]
            newest = next(whole(found), None)
    except StorageError as error:
        return f"{what}; which checkpoint is the newest cannot be told: {error}"
    if newest is None:
        return f"{what}; {'no checkpoint is whole' if found else 'no checkpoint had been written'}"
    return f"{what}; the newest checkpoint is {newest.url}: {how_to_go_on(args)}"


def _verifies(checkpoint: Checkpoint) -> bool:
    try:
        checkpoint.verify()
    except (CheckpointError, PermissionRefused):
        return False
    return True
