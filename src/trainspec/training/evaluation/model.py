"""The model as evaluation runs it, and everything back in its place afterwards."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from trainspec.training.evaluation.tracing import traced
from trainspec.training.optimizers.behaviour import evaluating
from trainspec.training.precision.full_eval import full_eval_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.run.parts import RunParts


@contextmanager
def ready_for_evaluation(parts: RunParts, args: TrainingArguments) -> Iterator[nn.Module]:
    """In evaluation mode, with the weights that are of use, in the full-eval dtype, traced under jit_mode_eval."""
    model = parts.strategy.evaluated(parts.model_wrapped)
    parts.strategy.share_buffers(model)
    dtype = full_eval_dtype(args)
    was_training = model.training
    with ExitStack() as stack:
        stack.enter_context(evaluating(parts.optimizer))
        if dtype is not None:
            stack.enter_context(parts.strategy.evaluating_in(model, dtype))
            stack.enter_context(parts.precision.paused())
        model.eval()
        try:
            yield traced(model) if args.jit_mode_eval else model
        finally:
            model.train(was_training)
