"""Checkpoints of a run: written in phases, the best one named, thinned out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint import (
    Checkpoint,
    Snapshot,
    apply_retention,
    make_room,
    publish,
    remove_all_except,
    remove_set_aside,
    set_aside,
    write,
)
from trainspec.training.checkpoint.contents import Contents, pack
from trainspec.training.checkpoint.documents import resolved_document, settings_document
from trainspec.training.checkpoint.load import folder_name, step_of
from trainspec.training.checkpoint.model_files import model_artifacts
from trainspec.training.checkpoint.rng import rng_bytes, rng_file
from trainspec.training.parallel import State
from trainspec.training.run.others.handed import HandedFolder, OwnFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.storage import FileRecord, Store
    from trainspec.training.checkpoint.payload import Payload
    from trainspec.training.run.parts import RunParts
    from trainspec.training.state import TrainerState

logger = logging.getLogger(__name__)

# Of a checkpoint whose model somebody else writes.
NO_MODEL: Mapping[str, Payload] = {}


class CheckpointKeeper:
    """Writes the checkpoints of one run to its output folder and keeps as many as the settings say.

    `newest` is the last one that is whole: of this run, else the one that it goes on from.
    """

    def __init__(
        self, args: TrainingArguments, store: Store, *, replaces_old_run: bool, resumed_from: Checkpoint | None = None
    ) -> None:
        self._args = args
        self._store = store
        self._old_run_is_there = replaces_old_run
        self.newest = resumed_from
        # While somebody's own code saves: where it writes to, and what of ours is there.
        self._handed: HandedFolder | None = None
        self._written: Snapshot | None = None

    def save(
        self,
        parts: RunParts,
        processing_class: Any = None,
        data: Mapping[str, Any] | None = None,
        own: OwnFiles = OwnFiles(),  # noqa: B008 - it is frozen
    ) -> Checkpoint | None:
        """All phases, one after the other; `data` is the position in the training data.

        Between `begin` and `end` it is only written, and None.
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
            for write_own in writers:
                write_own(handed.path)
            self._written = snapshot
        except BaseException:
            if is_whole:
                self.abandon()
            raise
        return self.end(parts, data) if is_whole else None

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
            if not handed.names():
                self._store.child(folder_name(state.global_step)).delete_tree()
                return None
            snapshot = self._written
            if snapshot is None:
                # Not even our part of saving was called: what tells where the run is belongs to it all the same.
                documents = pack(Contents({}, **self._documents(state)), artifacts=NO_MODEL)
                files = {name: content for name, content in documents.items() if name not in handed.names()}
                snapshot = self._snapshot(parts, files, data)
                handed.know(self.write(snapshot))
            return self.publish(snapshot, handed.take(), state)
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
        """What is to be saved of the run as it is now; inside `saving(optimizer)`. Nothing is written."""
        saved = State(parts.strategy.weights()) if self._args.save_only_model else parts.strategy.state()
        artifacts = NO_MODEL
        if own.model is None:
            artifacts = model_artifacts(
                parts.model,
                save_safetensors=self._args.save_safetensors,
                processing_class=processing_class,
                state_dict=saved.model,
            )
        return self._snapshot(parts, pack(self._contents(saved, parts, own), artifacts=artifacts), data)

    def _snapshot(self, parts: RunParts, files: Mapping[str, Payload], data: Mapping[str, Any] | None) -> Snapshot:
        state = parts.state
        return Snapshot(
            state.global_step,
            files,
            metadata={"best": state.best_global_step == state.global_step, "best_metric": state.best_metric},
            data=data,
            world_size=parts.strategy.processes.world_size,
        )

    def make_room(self, snapshot: Snapshot, state: TrainerState) -> None:
        """Have an empty folder for it; an old run's checkpoint there stays somewhere else until it is published."""
        self._have_room(snapshot.step, state)

    def _have_room(self, step: int, state: TrainerState) -> None:
        if self._old_run_is_there:
            set_aside(self._store, step)
        if state.best_model_checkpoint == self._url(step):
            state.best_model_checkpoint = None
        if self.newest is not None and self.newest.url == self._url(step):
            self.newest = None
        make_room(step, self._store)

    def write(self, snapshot: Snapshot) -> list[FileRecord]:
        """Write what is this process's part of it."""
        return write(snapshot, self._store)

    def publish(self, snapshot: Snapshot, records: Iterable[FileRecord], state: TrainerState) -> Checkpoint:
        """Make it a checkpoint, of what all processes have written; from then on it may be called the best."""
        self.newest = checkpoint = publish(snapshot, records, self._store)
        if snapshot.metadata["best"]:
            state.best_model_checkpoint = checkpoint.url
        logger.info("checkpoint saved in %s", redact_whole_url(checkpoint.url))
        self._thin_out(snapshot.step, state)
        return checkpoint

    def name_best(self, state: TrainerState) -> str | None:
        """Call the checkpoint of this update the best, and return it, where it was saved before its evaluation."""
        if self.newest is None or self.newest.step != state.best_global_step:
            return None
        state.best_model_checkpoint = self.newest.url
        return self.newest.url

    def _documents(self, state: TrainerState) -> dict[str, Any]:
        return {
            "trainer_state": self._state_document(state),
            "training_args": settings_document(self._args),
            "resolved_args": resolved_document(self._args),
        }

    def _contents(self, saved: State, parts: RunParts, own: OwnFiles) -> Contents:
        known = self._documents(parts.state)
        if self._args.save_only_model:
            return Contents(saved.model or {}, **known)
        steps = own.steppers is None
        return Contents(
            saved.model or {},
            **known,
            optimizer=saved.optimizer if steps else None,
            scheduler=parts.stepping()[1].state_dict() if steps else None,
            scaler=parts.precision.state_dict() if own.scaler is None else None,
            rng={rng_file(): rng_bytes()} if own.rng is None else {},
        )

    def _state_document(self, state: TrainerState) -> dict[str, Any]:
        """The state as whoever resumes from this checkpoint has it: then it exists, and is the best where it is."""
        document = state.to_dict()
        if state.best_global_step == state.global_step:
            document["best_model_checkpoint"] = redact_whole_url(self._url(state.global_step))
        return document

    def _url(self, step: int) -> str:
        return self._store.child(folder_name(step)).url

    def _thin_out(self, step: int, state: TrainerState) -> None:
        if self._old_run_is_there:
            remove_all_except(self._store, step)
            remove_set_aside(self._store)
            self._old_run_is_there = False
        # Whoever tracks a metric may ask for the best one later, and then it must be there.
        named = state.best_model_checkpoint
        best = None if named is None else step_of(named)
        apply_retention(self._store, self._args.save_total_limit, best_step=best)
