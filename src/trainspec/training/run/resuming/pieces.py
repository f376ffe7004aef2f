"""Whether each process goes on with the part of the optimizer that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.training.checkpoint.ranks.layout import other_pieces
from trainspec.training.findings.found import found
from trainspec.training.parallel.agreement import together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.parallel import Strategy


def find_other_pieces(args: TrainingArguments, checkpoint: Checkpoint, strategy: Strategy) -> Iterator[Diagnostic]:
    """The same in every process, each of which asks."""
    if not strategy.is_sharded:
        return
    with together(strategy.processes, "reading what the optimizer's parts are") as talk:
        talk.said = other_pieces(checkpoint, strategy)
    reasons = [reason for reason in talk.heard if reason is not None]
    if reasons:
        yield found(
            args,
            "RUN247",
            "the checkpoint's parts of the optimizer are not those that the processes hold here",
            "resume_from_checkpoint",
            reason=reasons[0],
            remedy="resume with the model, and the settings that say how it is dealt out, as they were; or begin a new "
            "run with the checkpoint's weights",
        )
