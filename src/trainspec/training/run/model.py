"""The model as training runs it: what settings add to it, and take away again when the run is over."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from trainspec.settings.values.choices import DebugOption
from trainspec.training.model.activation_checkpointing import recomputing
from trainspec.training.model.debugging import stopping_at_overflow
from trainspec.training.model.neftune import noisy_embeddings
from trainspec.training.precision.precision import tf32

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.training.trainer import Trainer


@contextmanager
def ready_for_training(trainer: Trainer) -> Iterator[None]:
    args, model = trainer.args, trainer.model
    with ExitStack() as stack:
        stack.enter_context(tf32(args.tf32))
        stack.enter_context(recomputing(model, args))
        stack.enter_context(noisy_embeddings(model, args.neftune_noise_alpha))
        if DebugOption.UNDERFLOW_OVERFLOW in args.debug:
            stack.enter_context(stopping_at_overflow(model))
        yield
