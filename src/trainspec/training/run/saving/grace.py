"""How long a save takes beside the time that a run has at its end: told while something can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.run.parts import RunParts


def compare_with_grace(args: TrainingArguments, parts: RunParts, seconds: float) -> None:
    """Warn, once in a run, where a save took these seconds and a signal's grace is shorter."""
    grace = args.preemption_grace_seconds
    if grace is not None and seconds > grace:
        parts.say_once(
            f"saving a checkpoint took longer than preemption_grace_seconds ({grace:g}) leaves for it: a run that "
            "is told to end may be ended before its last update is saved"
        )


def compare_last_save(args: TrainingArguments, parts: RunParts, checkpoint: Checkpoint | None) -> None:
    """The same at the start of a run, of the save that made the checkpoint it goes on from, where that was timed."""
    seconds = None if checkpoint is None else checkpoint.manifest.metadata.get("save_runtime")
    if isinstance(seconds, int | float):
        compare_with_grace(args, parts, seconds)
