"""Checkpoints of a run: written, thinned out, found and read back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from trainspec.storage import Store
from trainspec.training.checkpoint import (
    Checkpoint,
    apply_retention,
    remove_all_except,
    remove_set_aside,
    save_checkpoint,
    set_aside,
)
from trainspec.training.checkpoint.contents import Contents, pack
from trainspec.training.checkpoint.documents import resolved_document, settings_document
from trainspec.training.checkpoint.load import folder_name
from trainspec.training.checkpoint.model_files import model_artifacts
from trainspec.training.checkpoint.rng import rng_bytes, rng_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.run.parts import RunParts
    from trainspec.training.state import TrainerState

logger = logging.getLogger(__name__)


class CheckpointKeeper:
    """Writes the checkpoints of one run to its output folder and keeps as many as the settings say."""

    def __init__(self, args: TrainingArguments, store: Store, *, replaces_old_run: bool) -> None:
        self._args = args
        self._store = store
        self._old_run_is_there = replaces_old_run

    def save(self, parts: RunParts, processing_class: Any = None) -> Checkpoint:
        state = parts.state
        step = state.global_step
        if state.best_global_step == step:
            state.best_model_checkpoint = self._store.child_url(folder_name(step))
        weights = parts.strategy.weights()
        artifacts = model_artifacts(
            parts.model,
            save_safetensors=self._args.save_safetensors,
            processing_class=processing_class,
            state_dict=weights,
        )
        files = pack(self._contents(weights, parts), artifacts=artifacts)
        metadata = {"best": state.best_global_step == step, "best_metric": state.best_metric}
        if self._old_run_is_there:
            set_aside(self._store, step)
        checkpoint = save_checkpoint(self._store, step, files, metadata)
        self._thin_out(state)
        return checkpoint

    def _contents(self, weights: Mapping[str, Tensor], parts: RunParts) -> Contents:
        known = {
            "trainer_state": parts.state.to_dict(),
            "training_args": settings_document(self._args),
            "resolved_args": resolved_document(self._args),
        }
        if self._args.save_only_model:
            return Contents(weights, **known)
        optimizer, schedule = parts.stepping()
        return Contents(
            weights,
            **known,
            optimizer=optimizer.state_dict(),
            scheduler=schedule.state_dict(),
            scaler=parts.precision.state_dict(),
            rng={rng_file(): rng_bytes()},
        )

    def _thin_out(self, state: TrainerState) -> None:
        if self._old_run_is_there:
            remove_all_except(self._store, state.global_step)
            remove_set_aside(self._store)
            self._old_run_is_there = False
        best = state.best_global_step if self._args.load_best_model_at_end else None
        apply_retention(self._store, self._args.save_total_limit, best_step=best)
