"""Overrides of `_save_checkpoint`, whoever calls them: what they leave in the folder becomes the checkpoint."""

from __future__ import annotations

from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.training.face import TrainerFace


@contextmanager
def checkpoints_by_others(trainer: TrainerFace) -> Iterator[None]:
    """For as long as the block runs, of the Trainer alone: its class is that of other Trainers, too."""
    if not trainer.overrides("_save_checkpoint"):
        yield
        return
    own, attributes = trainer._save_checkpoint, vars(trainer)
    assigned = attributes.get("_save_checkpoint")

    @wraps(own)
    def save(*values: Any, **named: Any) -> Any:
        loop = trainer.parts.loop
        if loop is None:
            return own(*values, **named)
        with loop.saving_by_others():
            return own(*values, **named)

    attributes["_save_checkpoint"] = save
    try:
        yield
    finally:
        del attributes["_save_checkpoint"]
        if assigned is not None:
            attributes["_save_checkpoint"] = assigned
