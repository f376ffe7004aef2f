"""From a snapshot to a checkpoint in the output folder, in phases, and what goes when it is there.

Every process goes through every phase, and hears at its end of the others: where one fails, all do, and what is in the
folder is no checkpoint. One process of those that share a folder makes room there and publishes.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from trainspec.storage import FileRecord, StorageError
from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint import (
    apply_retention,
    described,
    make_room,
    publish,
    remove_all_except,
    remove_hidden,
    remove_set_aside,
    replaces_whole,
    set_aside,
    write,
)
from trainspec.training.checkpoint.load import forget_going_back, mark_going_back, went_back_to
from trainspec.training.checkpoint.ranks.files import writes_for_all
from trainspec.training.parallel.agreement import together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.storage import Store
    from trainspec.training.checkpoint import Checkpoint, Snapshot
    from trainspec.training.checkpoint.manifest import Branch
    from trainspec.training.parallel import Processes
    from trainspec.training.parallel.agreement import Talk
    from trainspec.training.preflight.locking import Locked

logger = logging.getLogger(__name__)

_OLDER_STAY = "older checkpoints stay until the next save"
_OLD_RUN_STAYS = (
    "checkpoints of the run before stay, and resume_from_checkpoint: latest may take one of them for the newest"
)


class Publisher:
    """Of one run. It knows nothing of what the run does meanwhile, so that a thread can go through the phases.

    What processes say of them they say through `processes`: those of a thread speak on a line of their own.
    """

    def __init__(
        self,
        args: TrainingArguments,
        store: Store,
        processes: Processes,
        *,
        replaces_old_run: bool,
        locked: Locked | None,
    ) -> None:
        self._args = args
        self._store = store
        self._processes = processes
        self._locked = locked
        self._writes = writes_for_all(args, processes)
        self._old_run_is_there = replaces_old_run
        # What could not be deleted, to be told once.
        self._refused: set[int] = set()
        # Whether output_dir may have a mark of where a run went back to, of this one or of one before.
        self._may_be_marked = True

    def together(self, what: str) -> AbstractContextManager[Talk]:
        """Around a phase of a save: it fails in all processes, or in none."""
        return together(self._processes, f"saving a checkpoint: {what}")

    def make_room(self, step: int, forget: Callable[[], None], *, in_place: bool = False) -> None:
        """Have an empty folder for it; an old run's checkpoint there stays, perhaps elsewhere, until it is published.

        `forget` is called before this run's own checkpoint of that step goes, where it does so before it is replaced.
        """
        with self.together("making room"):
            if self._locked is not None:
                self._locked.ours()
            if in_place or not replaces_whole(self._store):
                if self._old_run_is_there and self._writes:
                    set_aside(self._store, step)
                forget()
            if self._writes:
                make_room(step, self._store, in_place=in_place)

    def write(self, snapshot: Snapshot, *, in_place: bool = False) -> list[FileRecord]:
        """Write this process's part of it; what all processes have written into the same folder."""
        with self.together("writing") as talk:
            talk.said = self.told(write(snapshot, self._store, in_place=in_place))
        return self.of_this_folder(talk)

    def told(self, records: Iterable[FileRecord]) -> Any:
        """What a process tells the others of the files that it has written."""
        return {"node": self._processes.node, "records": [astuple(record) for record in records]}

    def of_this_folder(self, talk: Talk) -> list[FileRecord]:
        """What was told of files in the folder that this process sees."""
        here = self._processes.node
        told = (each for each in talk.heard if each["node"] == here or not self._args.save_on_each_node)
        return [FileRecord(*record) for each in told for record in each["records"]]

    def publish(
        self,
        snapshot: Snapshot,
        records: Iterable[FileRecord],
        best_before: int | None,
        published: Callable[[Checkpoint], None],
        *,
        in_place: bool = False,
    ) -> Checkpoint:
        """Make it a checkpoint, of what all processes have written, and delete those that are too much now.

        `published` is told of it at once; in processes that do not publish, when they have heard that it is there.
        `best_before` is the step of the best checkpoint so far, which stays unless this one is better.
        """
        with self.together("publishing"):
            if self._writes:
                checkpoint = publish(snapshot, records, self._store, in_place=in_place)
                published(checkpoint)
                logger.info("checkpoint saved in %s", redact_whole_url(checkpoint.url))
                best = snapshot.step if snapshot.metadata["best"] else best_before
                self._thin_out(snapshot.step, best)
        if not self._writes:
            self._old_run_is_there = False
            checkpoint = described(snapshot, records, self._store)
            published(checkpoint)
        return checkpoint

    def take_over(self, step: int, best: int | None, goes_back: Branch | None) -> None:
        """Before the first update of a run that goes on from `step`: what one before has left, and `_retain`.

        `goes_back` is the branch that a run begins which leaves newer checkpoints behind: until its first save others
        would go on from those. The mark of one before, which this run does not go on with, would have them go back.
        """
        if not self._writes:
            return
        if goes_back is None:
            self._unmark()
        else:
            with self._told("until the first save, resume_from_checkpoint: latest goes on from newer ones"):
                mark_going_back(self._store, step, goes_back)
        with self._told(_OLDER_STAY):
            remove_hidden(self._store)
            self._retain(step, best)

    def _thin_out(self, step: int, best: int | None) -> None:
        """After the checkpoint of `step` was published: delete those that are too much now.

        `best` is the step of the best checkpoint: whoever tracks a metric may ask for it later, and then it must be
        there. What stays is told, and harms no checkpoint.
        """
        if self._may_be_marked:
            self._unmark()
        if self._old_run_is_there:
            with self._told(_OLD_RUN_STAYS):
                remove_all_except(self._store, step)
                remove_set_aside(self._store)
                self._old_run_is_there = False
        if not self._old_run_is_there:
            with self._told(_OLDER_STAY):
                remove_hidden(self._store)
                self._retain(step, best)

    def _unmark(self) -> None:
        with self._told("resume_from_checkpoint: latest may take another checkpoint for the newest"):
            # Most runs find none, and a store may refuse to delete what is not there.
            if went_back_to(self._store) is not None:
                forget_going_back(self._store)
            self._may_be_marked = False

    def _retain(self, step: int, best: int | None) -> None:
        limit = self._args.save_total_limit
        apply_retention(self._store, limit, best_step=best, current_step=step, refused=self._refused)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Around what harms no checkpoint where the store refuses it."""
        try:
            yield
        except StorageError as error:
            logger.warning("%s: %s", what, error)
