"""Checkpoints of a run: taken, written in phases, the best one named, thinned out.

Where `save_in_background` is on, a thread goes through the phases while training goes on, and the run takes over what
came of them at one of its steps.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trainspec.training.checkpoint import Checkpoint
from trainspec.training.checkpoint.load import folder_name, step_of
from trainspec.training.checkpoint.manifest import Branch
from trainspec.training.checkpoint.ranks.files import writes_for_all
from trainspec.training.checkpoint.resume import is_whole
from trainspec.training.parallel import Alone
from trainspec.training.parallel.agreement import all_here
from trainspec.training.run.others.handed import NOTHING_OWN, HandedFolder, OwnFiles
from trainspec.training.run.saving.background import Background
from trainspec.training.run.saving.failures import SaveFailures
from trainspec.training.run.saving.publisher import Publisher
from trainspec.training.run.saving.taking import Taking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.storage import FileRecord, Store
    from trainspec.training.checkpoint import Snapshot
    from trainspec.training.parallel import Processes
    from trainspec.training.parallel.agreement import Talk
    from trainspec.training.preflight.locking import Locked
    from trainspec.training.run.parts import RunParts
    from trainspec.training.run.saving.background import InFlight
    from trainspec.training.state import TrainerState


class CheckpointKeeper:
    """Writes the checkpoints of one run to its output folder and keeps as many as the settings say.

    `newest` is the last one that is whole: of this run, else the one that it goes on from; it is the same in all
    `processes`. Those speak through `line` where a thread of each writes.
    """

    def __init__(
        self,
        args: TrainingArguments,
        store: Store,
        *,
        replaces_old_run: bool,
        resumed_from: Checkpoint | None = None,
        branch: Branch | None = None,
        processes: Processes | None = None,
        line: Processes | None = None,
        locked: Locked | None = None,
    ) -> None:
        self._store = store
        self._processes: Processes = Alone() if processes is None else processes
        self._writes = writes_for_all(args, self._processes)
        self._branch = branch or Branch()
        self._taking = Taking(args, store, self._processes, self._branch)
        self._publisher = Publisher(
            args, store, line or self._processes, replaces_old_run=replaces_old_run, locked=locked
        )
        self._background = Background() if args.save_in_background else None
        self.newest = resumed_from
        # While somebody's own code saves: where it writes to, and what of ours is there.
        self._handed: HandedFolder | None = None
        self._written: Snapshot | None = None
        self._failures = SaveFailures(args.save_failures_allowed, self._processes)

    def tried(self, save: Callable[[], object], step: int, *, ends: bool = False) -> bool:
        """Whether a save succeeded; where a store failed it there is one warning, and training may go on.

        Every process calls, and all come to the same; `ends` says that the run ends by a signal anyway. Raises what
        `SaveFailures.met` says.
        """
        try:
            save()
        except BaseException as error:
            if not self._failures.met(error, step, self.newest, self._store if self._writes else None, ends=ends):
                raise
            return False
        if self.in_flight is None:
            self._failures.in_a_row = 0
        return True

    def save(
        self,
        parts: RunParts,
        processing_class: Any = None,
        data: Mapping[str, Any] | None = None,
        own: OwnFiles = NOTHING_OWN,
    ) -> Checkpoint | None:
        """All phases, one after the other; `data` is the position in the training data.

        Between `begin` and `end` it is only written, and None; None, too, where it is in flight now. Raises
        OtherProcessError where another process failed.
        """
        began = time.monotonic()
        snapshot = replace(self.snapshot(parts, processing_class, data, own), began=began)
        writers = own.writers()
        if self._handed is None and not writers:
            if self._background is not None and not self._is_known(snapshot.step, parts.state):
                self._background.begin(snapshot, self._all_phases(parts.state), began)
                return None
            self.make_room(snapshot, parts.state)
            return self.publish(snapshot, self.write(snapshot), parts.state)
        is_whole = self._handed is None
        handed = self.begin(parts.state)
        try:
            handed.know(self.write(snapshot))
            with self.together("writing"):
                for write_own in writers:
                    write_own(handed.path)
            self._written = snapshot
        except BaseException:
            if is_whole:
                self.abandon()
            raise
        return self.end(parts, data) if is_whole else None

    # In the background

    @property
    def in_flight(self) -> InFlight | None:
        """The save that a thread is at, or has ended and that nobody has finished."""
        return None if self._background is None else self._background.in_flight

    @property
    def is_written(self) -> bool:
        """Whether a save is in flight that this process's thread has ended, be it by an error."""
        return self.in_flight is not None and self.in_flight.is_over

    def finish(self, state: TrainerState) -> None:
        """Wait for the save in flight and take over what came of it. Raises what the save raised."""
        flight = self.in_flight
        if self._background is None or flight is None:
            return
        flight.wait()
        self._background.in_flight = None
        if flight.published is not None:
            self._note(flight.published, state, is_best=flight.is_best)
        if flight.error is not None:
            raise flight.error

    def _is_known(self, step: int, state: TrainerState) -> bool:
        """Whether a checkpoint that the run speaks of is to be written anew: nobody may speak of it meanwhile."""
        known = None if self.newest is None else self.newest.url
        return self._url(step) in (known, state.best_model_checkpoint)

    def _all_phases(self, state: TrainerState) -> Callable[[Snapshot, Callable[[Checkpoint], None]], object]:
        """For a thread, which must not look at the state of a run that goes on."""
        publisher, best = self._publisher, _best_of(state)

        def write(snapshot: Snapshot, published: Callable[[Checkpoint], None]) -> None:
            publisher.make_room(snapshot.step, lambda: None)
            publisher.publish(snapshot, publisher.write(snapshot), best, published)

        return write

    # By somebody's own code

    def all_here(self) -> None:
        """Before anything else that processes do together for a save. Somebody's own code may have failed before."""
        if self._handed is not None:
            all_here(self._processes, "saving a checkpoint")

    def together(self, what: str) -> AbstractContextManager[Talk]:
        """Around a phase of a save: it fails in all processes, or in none."""
        return self._publisher.together(what)

    def begin(self, state: TrainerState) -> HandedFolder:
        """The empty folder of the next checkpoint, for somebody's own code; the one there is where it has begun."""
        if self._handed is None:
            self._have_room(state.global_step, state, in_place=True)
            self._handed, self._written = HandedFolder(self._store, state.global_step), None
        return self._handed

    def end(self, parts: RunParts, data: Mapping[str, Any] | None) -> Checkpoint | None:
        """Make a checkpoint of all that is in the folder now; None where nothing is."""
        handed, state = self._handed, parts.state
        assert handed is not None, "begin comes first"
        try:
            with self.together("looking for files") as talk:
                talk.said = bool(handed.names())
                if not talk.said and self._writes:
                    self._store.child(folder_name(state.global_step)).delete_tree()
            if not any(talk.heard):
                return None
            snapshot = self._written
            if snapshot is None:
                # Not even our part of saving was called: what tells where the run is belongs to it all the same.
                snapshot = self._taking.beside(handed, parts, data)
                handed.know(self.write(snapshot))
            return self.publish(snapshot, self._taken(handed), state)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Saving broke off: the folder stays without a manifest, and so is no checkpoint."""
        if self._handed is not None:
            self._handed.close()
        self._handed = self._written = None

    @property
    def folder_for_own_files(self) -> str | None:
        """The local folder that holds the checkpoint's while somebody's own code saves."""
        return None if self._handed is None else self._handed.parent

    def _taken(self, handed: HandedFolder) -> list[FileRecord]:
        """What is in the folder now, whoever wrote it. Where it is this machine's own, each sends what it has there."""
        told, of_this_folder = self._publisher.told, self._publisher.of_this_folder
        with self.together("looking for files") as talk:
            talk.said = told(handed.take() if self._writes else []) if handed.is_there else handed.names_here()
        if handed.is_there:
            return of_this_folder(talk)
        before = {name for names in talk.heard[: self._processes.rank] for name in names}
        with self.together("sending files") as talk:
            talk.said = told(handed.send(name for name in handed.names_here() if name not in before))
        handed.know(of_this_folder(talk))
        return handed.take()

    # In phases

    def snapshot(
        self,
        parts: RunParts,
        processing_class: Any = None,
        data: Mapping[str, Any] | None = None,
        own: OwnFiles = NOTHING_OWN,
    ) -> Snapshot:
        """What this process saves of the run as it is now; inside `saving(optimizer)`. Nothing is written."""
        return self._taking.snapshot(parts, processing_class, data, own)

    def make_room(self, snapshot: Snapshot, state: TrainerState) -> None:
        """Have an empty folder for it; an old run's checkpoint there stays somewhere else until it is published."""
        self._have_room(snapshot.step, state)

    def _have_room(self, step: int, state: TrainerState, *, in_place: bool = False) -> None:
        def forget() -> None:
            if state.best_model_checkpoint == self._url(step):
                state.best_model_checkpoint = None
            if self.newest is not None and self.newest.url == self._url(step):
                self.newest = None

        self._publisher.make_room(step, forget, in_place=in_place)

    def write(self, snapshot: Snapshot) -> list[FileRecord]:
        """Write this process's part of it; what all processes have written into the same folder."""
        return self._publisher.write(snapshot, in_place=self._handed is not None)

    def publish(self, snapshot: Snapshot, records: list[FileRecord], state: TrainerState) -> Checkpoint:
        """Make it a checkpoint, of what all processes have written; from then on it may be called the best."""
        is_best = bool(snapshot.metadata["best"])

        def published(checkpoint: Checkpoint) -> None:
            self._note(checkpoint, state, is_best=is_best)

        in_place = self._handed is not None
        return self._publisher.publish(snapshot, records, _best_of(state), published, in_place=in_place)

    def _note(self, checkpoint: Checkpoint, state: TrainerState, *, is_best: bool) -> None:
        self.newest = checkpoint
        is_whole(checkpoint.url)
        if is_best:
            state.best_model_checkpoint = checkpoint.url

    def take_over(self, state: TrainerState) -> None:
        """Of a run that goes on: delete what one that was killed after a save had left, or a lower limit asks for now.

        The next save may need the room. Where it goes back, who comes after it hears of that.
        """
        start = self.newest
        goes_back = (
            start is not None and self._branch.number > start.branch.number and start.url == self._url(start.step)
        )
        self._publisher.take_over(state.global_step, _best_of(state), self._branch if goes_back else None)

    def name_best(self, state: TrainerState) -> str | None:
        """Call the checkpoint of this update the best, and return it, where it was saved before its evaluation."""
        if self.newest is None or self.newest.step != state.best_global_step:
            return None
        state.best_model_checkpoint = self.newest.url
        return self.newest.url

    def _url(self, step: int) -> str:
        return self._store.child(folder_name(step)).url


def _best_of(state: TrainerState) -> int | None:
    named = state.best_model_checkpoint
    return None if named is None else step_of(named)
