"""Checkpoints of a run: written in phases, the best one named, thinned out."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.storage import FileRecord, Store
    from trainspec.training.run.parts import RunParts
    from trainspec.training.state import TrainerState


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

    def save(self, parts: RunParts, processing_class: Any = None, data: Mapping[str, Any] | None = None) -> Checkpoint:
        """All phases, one after the other; `data` is the position in the training data."""
        snapshot = self.snapshot(parts, processing_class, data)
        self.make_room(snapshot, parts.state)
        return self.publish(snapshot, self.write(snapshot), parts.state)

    def snapshot(
        self, parts: RunParts, processing_class: Any = None, data: Mapping[str, Any] | None = None
    ) -> Snapshot:
        """What is to be saved of the run as it is now; inside `saving(optimizer)`. Nothing is written."""
        state = parts.state
        saved = State(parts.strategy.weights()) if self._args.save_only_model else parts.strategy.state()
        artifacts = model_artifacts(
            parts.model,
            save_safetensors=self._args.save_safetensors,
            processing_class=processing_class,
            state_dict=saved.model,
        )
        return Snapshot(
            state.global_step,
            pack(self._contents(saved, parts), artifacts=artifacts),
            metadata={"best": state.best_global_step == state.global_step, "best_metric": state.best_metric},
            data=data,
            world_size=parts.strategy.processes.world_size,
        )

    def make_room(self, snapshot: Snapshot, state: TrainerState) -> None:
        """Have an empty folder for it; an old run's checkpoint there stays somewhere else until it is published."""
        if self._old_run_is_there:
            set_aside(self._store, snapshot.step)
        if state.best_model_checkpoint == self._url(snapshot.step):
            state.best_model_checkpoint = None
        if self.newest is not None and self.newest.url == self._url(snapshot.step):
            self.newest = None
        make_room(snapshot.step, self._store)

    def write(self, snapshot: Snapshot) -> list[FileRecord]:
        """Write what is this process's part of it."""
        return write(snapshot, self._store)

    def publish(self, snapshot: Snapshot, records: Iterable[FileRecord], state: TrainerState) -> Checkpoint:
        """Make it a checkpoint, of what all processes have written; from then on it may be called the best."""
        self.newest = checkpoint = publish(snapshot, records, self._store)
        if snapshot.metadata["best"]:
            state.best_model_checkpoint = checkpoint.url
        self._thin_out(snapshot.step, state)
        return checkpoint

    def name_best(self, state: TrainerState) -> str | None:
        """Call the checkpoint of this update the best, and return it, where it was saved before its evaluation."""
        if self.newest is None or self.newest.step != state.best_global_step:
            return None
        state.best_model_checkpoint = self.newest.url
        return self.newest.url

    def _contents(self, saved: State, parts: RunParts) -> Contents:
        known = {
            "trainer_state": self._state_document(parts.state),
            "training_args": settings_document(self._args),
            "resolved_args": resolved_document(self._args),
        }
        if self._args.save_only_model:
            return Contents(saved.model or {}, **known)
        return Contents(
            saved.model or {},
            **known,
            optimizer=saved.optimizer,
            scheduler=parts.stepping()[1].state_dict(),
            scaler=parts.precision.state_dict(),
            rng={rng_file(): rng_bytes()},
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
