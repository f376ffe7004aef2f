"""Checkpoints of a run: written in phases, the best one named, thinned out.

Every process goes through every phase, and hears at its end of the others: where one fails, all do, and what is in the
folder is no checkpoint. One process of those that share a folder makes room there and publishes.
"""

from __future__ import annotations

import logging
from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any

from trainspec.storage import FileRecord, StorageError
from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint import (
    Checkpoint,
    Snapshot,
    apply_retention,
    described,
    make_room,
    publish,
    remove_all_except,
    remove_set_aside,
    set_aside,
    write,
)
from trainspec.training.checkpoint.contents import Contents, pack
from trainspec.training.checkpoint.load import folder_name, step_of
from trainspec.training.checkpoint.model_files import model_artifacts
from trainspec.training.checkpoint.payload import Document
from trainspec.training.checkpoint.ranks.files import optimizer_part, writes_for_all
from trainspec.training.checkpoint.ranks.layout import layout_of
from trainspec.training.checkpoint.ranks.rng import rng_bytes, rng_file
from trainspec.training.checkpoint.ranks.values import of_all
from trainspec.training.checkpoint.states.documents import resolved_document, settings_document
from trainspec.training.parallel import Alone, State
from trainspec.training.parallel.agreement import all_here, together
from trainspec.training.run.others.handed import HandedFolder, OwnFiles
from trainspec.training.run.resuming.failures import SaveFailures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.storage import Store
    from trainspec.training.checkpoint.payload import Payload
    from trainspec.training.parallel import Processes, Strategy
    from trainspec.training.parallel.agreement import Talk
    from trainspec.training.preflight.locking import Locked
    from trainspec.training.run.parts import RunParts
    from trainspec.training.state import TrainerState

logger = logging.getLogger(__name__)

# Of a checkpoint whose model somebody else writes.
NO_MODEL: Mapping[str, Payload] = {}


class CheckpointKeeper:
    """Writes the checkpoints of one run to its output folder and keeps as many as the settings say.

    `newest` is the last one that is whole: of this run, else the one that it goes on from; it is the same in all
    `processes`.
    """

    def __init__(
        self,
        args: TrainingArguments,
        store: Store,
        *,
        replaces_old_run: bool,
        resumed_from: Checkpoint | None = None,
        processes: Processes | None = None,
        locked: Locked | None = None,
    ) -> None:
        self._args = args
        self._store = store
        self._processes: Processes = Alone() if processes is None else processes
        self._writes = writes_for_all(args, self._processes)
        self._model_alone = args.save_only_model
        self._old_run_is_there = replaces_old_run
        self.newest = resumed_from
        self._locked = locked
        # While somebody's own code saves: where it writes to, and what of ours is there.
        self._handed: HandedFolder | None = None
        self._written: Snapshot | None = None
        self._failures = SaveFailures(args.save_failures_allowed, self._processes)
        # What could not be deleted, to be told once.
        self._refused: set[int] = set()

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
        self._failures.in_a_row = 0
        return True

    def save(
        self,
        parts: RunParts,
        processing_class: Any = None,
        data: Mapping[str, Any] | None = None,
        own: OwnFiles = OwnFiles(),  # noqa: B008 - it is frozen
    ) -> Checkpoint | None:
        """All phases, one after the other; `data` is the position in the training data.

        Between `begin` and `end` it is only written, and None. Raises OtherProcessError where another process failed.
        """
        snapshot = self.snapshot(parts, processing_class, data, own)
        writers = own.writers()
        if self._handed is None and not writers:
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

    def all_here(self) -> None:
        """Before anything else that processes do together for a save. Somebody's own code may have failed before."""
        if self._handed is not None:
            all_here(self._processes, "saving a checkpoint")

    def together(self, what: str) -> AbstractContextManager[Talk]:
        """Around a phase of a save: it fails in all processes, or in none."""
        return together(self._processes, f"saving a checkpoint: {what}")

    def begin(self, state: TrainerState) -> HandedFolder:
        """The empty folder of the next checkpoint, for somebody's own code; the one there is where it has begun."""
        if self._handed is None:
            self._have_room(state.global_step, state)
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
                snapshot = self._snapshot(parts, self._documents_beside(handed, state), data)
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

    def snapshot(
        self,
        parts: RunParts,
        processing_class: Any = None,
        data: Mapping[str, Any] | None = None,
        own: OwnFiles = OwnFiles(),  # noqa: B008 - it is frozen
    ) -> Snapshot:
        """What this process saves of the run as it is now; inside `saving(optimizer)`. Nothing is written."""
        with self.together("taking what is to be saved"):
            # First what processes do together.
            model = parts.strategy.weights() if own.model is None else {}
            optimizer = None if self._model_alone or own.steppers is not None else _optimizer(parts.strategy)
            snapshot = self._snapshot(parts, {}, data)
            documents = self._documents(parts.state)
            files: dict[str, Payload] = {}
            if self._writes:
                files |= self._files_for_all(parts, State(model, optimizer), documents, processing_class, own)
            files |= self._files_of_one(parts, optimizer, own)
        return replace(snapshot, files=files)

    def _snapshot(self, parts: RunParts, files: Mapping[str, Payload], data: Mapping[str, Any] | None) -> Snapshot:
        state = parts.state
        positions = self._processes.each(None if data is None else dict(data))
        return Snapshot(
            state.global_step,
            files,
            metadata={"best": state.best_global_step == state.global_step, "best_metric": state.best_metric},
            data=None if data is None else {name: of_all([each.get(name) for each in positions]) for name in data},
            world_size=self._processes.world_size,
            layout=layout_of(parts.strategy),
        )

    def make_room(self, snapshot: Snapshot, state: TrainerState) -> None:
        """Have an empty folder for it; an old run's checkpoint there stays somewhere else until it is published."""
        self._have_room(snapshot.step, state)

    def _have_room(self, step: int, state: TrainerState) -> None:
        with self.together("making room"):
            if self._locked is not None:
                self._locked.ours()
            if self._old_run_is_there and self._writes:
                set_aside(self._store, step)
            if state.best_model_checkpoint == self._url(step):
                state.best_model_checkpoint = None
            if self.newest is not None and self.newest.url == self._url(step):
                self.newest = None
            if self._writes:
                make_room(step, self._store)

    def write(self, snapshot: Snapshot) -> list[FileRecord]:
        """Write this process's part of it; what all processes have written into the same folder."""
        with self.together("writing") as talk:
            talk.said = self._told(write(snapshot, self._store))
        return self._of_this_folder(talk)

    def _taken(self, handed: HandedFolder) -> list[FileRecord]:
        """What is in the folder now, whoever wrote it. Where it is this machine's own, each sends what it has there."""
        with self.together("looking for files") as talk:
            talk.said = self._told(handed.take() if self._writes else []) if handed.is_there else handed.names_here()
        if handed.is_there:
            return self._of_this_folder(talk)
        before = {name for names in talk.heard[: self._processes.rank] for name in names}
        with self.together("sending files") as talk:
            talk.said = self._told(handed.send(name for name in handed.names_here() if name not in before))
        handed.know(self._of_this_folder(talk))
        return handed.take()

    def _told(self, records: Iterable[FileRecord]) -> Any:
        return {"node": self._processes.node, "records": [astuple(record) for record in records]}

    def _of_this_folder(self, talk: Talk) -> list[FileRecord]:
        here = self._processes.node
        told = (each for each in talk.heard if each["node"] == here or not self._args.save_on_each_node)
        return [FileRecord(*record) for each in told for record in each["records"]]

    def publish(self, snapshot: Snapshot, records: Iterable[FileRecord], state: TrainerState) -> Checkpoint:
        """Make it a checkpoint, of what all processes have written; from then on it may be called the best."""
        with self.together("publishing"):
            make = publish if self._writes else described
            self.newest = checkpoint = make(snapshot, records, self._store)
            if snapshot.metadata["best"]:
                state.best_model_checkpoint = checkpoint.url
            if self._writes:
                logger.info("checkpoint saved in %s", redact_whole_url(checkpoint.url))
            self._old_run_is_there = self._writes and not self._thin_out(snapshot.step, state)
        return checkpoint

    def finish_deleting(self, state: TrainerState) -> None:
        """What a run that was killed between its last save and the deletion after it has left to do."""
        if self._writes:
            self._thin_out(state.global_step, state)

    def name_best(self, state: TrainerState) -> str | None:
        """Call the checkpoint of this update the best, and return it, where it was saved before its evaluation."""
        if self.newest is None or self.newest.step != state.best_global_step:
            return None
        state.best_model_checkpoint = self.newest.url
        return self.newest.url

    def _documents(self, state: TrainerState) -> dict[str, Any]:
        losses = of_all(self._processes.each(state.running_loss))
        return {
            "trainer_state": {**self._state_document(state), "running_loss": losses},
            "training_args": settings_document(self._args),
            "resolved_args": resolved_document(self._args),
        }

    def _documents_beside(self, handed: HandedFolder, state: TrainerState) -> Mapping[str, Payload]:
        documents = pack(Contents({}, **self._documents(state)), artifacts=NO_MODEL)
        names = handed.names()
        return {name: content for name, content in documents.items() if self._writes and name not in names}

    def _files_for_all(
        self, parts: RunParts, saved: State, documents: Mapping[str, Any], processing_class: Any, own: OwnFiles
    ) -> dict[str, Payload]:
        """What is the same for every process."""
        artifacts = NO_MODEL
        if own.model is None:
            artifacts = model_artifacts(
                parts.model,
                save_safetensors=self._args.save_safetensors,
                processing_class=processing_class,
                state_dict=saved.model,
            )
        contents = Contents(saved.model or {}, **documents)
        if not self._model_alone:
            contents = replace(
                contents,
                optimizer=None if parts.strategy.is_sharded else saved.optimizer,
                scheduler=parts.stepping()[1].state_dict() if own.steppers is None else None,
                scaler=parts.precision.state_dict() if own.scaler is None else None,
            )
        return pack(contents, artifacts=artifacts)

    def _files_of_one(self, parts: RunParts, optimizer: Mapping[str, Any] | None, own: OwnFiles) -> dict[str, Payload]:
        """What is this process's own."""
        rank, size = self._processes.rank, self._processes.world_size
        files: dict[str, Payload] = {}
        if optimizer is not None and parts.strategy.is_sharded:
            files |= optimizer_part(optimizer, parts.strategy.pieces(), rank, size)
        if own.rng is None and not self._model_alone:
            files[rng_file(rank, size)] = Document(rng_bytes())
        return files

    def _state_document(self, state: TrainerState) -> dict[str, Any]:
        """The state as whoever resumes from this checkpoint has it: then it exists, and is the best where it is."""
        document = state.to_dict()
        if state.best_global_step == state.global_step:
            document["best_model_checkpoint"] = redact_whole_url(self._url(state.global_step))
        return document

    def _url(self, step: int) -> str:
        return self._store.child(folder_name(step)).url

    def _thin_out(self, step: int, state: TrainerState) -> bool:
        """Whether nothing of an old run is left. That something stays is told, and harms no checkpoint."""
        try:
            if self._old_run_is_there:
                remove_all_except(self._store, step)
                remove_set_aside(self._store)
        except StorageError as error:
            logger.warning(
                "checkpoints of the run before stay, and resume_from_checkpoint: latest may take one of them for the "
                "newest: %s",
                error,
            )
            return False
        # Whoever tracks a metric may ask for the best one later, and then it must be there.
        named = state.best_model_checkpoint
        best = None if named is None else step_of(named)
        try:
            apply_retention(self._store, self._args.save_total_limit, best_step=best, refused=self._refused)
        except StorageError as error:
            logger.warning("older checkpoints stay until the next save: %s", error)
        return True


def _optimizer(strategy: Strategy) -> Mapping[str, Any] | None:
    """The optimizer's state: the part of this process, or all of it on the main one."""
    return strategy.state("sharded" if strategy.is_sharded else "full").optimizer
