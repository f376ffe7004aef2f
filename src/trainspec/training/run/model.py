"""The model of a run: taken on, and as training runs it, with what settings add to it and take away again."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trainspec.settings.values.choices import DebugOption
from trainspec.training.loss.losses import Losses
from trainspec.training.model import outputs
from trainspec.training.model.activation_checkpointing import recomputing
from trainspec.training.model.caching import caching
from trainspec.training.model.compilation import compile_model
from trainspec.training.model.debugging import stopping_at_overflow
from trainspec.training.model.inside import keys_ignored_at_inference
from trainspec.training.model.liger import apply_liger
from trainspec.training.model.neftune import noisy_embeddings
from trainspec.training.parallel import Policy
from trainspec.training.precision.precision import tf32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.run.parts import RunParts


def take_model(parts: RunParts, args: TrainingArguments, loss_function: Callable[..., Tensor] | None) -> None:
    """Have the run work on its model, on the run's device and in its number formats."""
    model = parts.model
    apply_liger(model, args)
    parts.precision = parts.strategy.choose_precision(args, parts.device)
    compiled = compile_model(model, args)
    parts.policy = Policy(
        parts.device, parts.precision, recompute=lambda _: None, compile=lambda _: compiled, place=parts.place
    )
    parts.model_wrapped = parts.strategy.prepare(model, parts.policy)
    said = parts.said_label_names
    parts.label_names = outputs.label_names(model, args.label_names) if said is None else said
    parts.ignored_keys = keys_ignored_at_inference(model)
    parts.losses = Losses(args, parts.label_names, loss_function)


# What the model, its number format and its loss are made by.
_COMPUTED_BY = (
    *("bf16", "fp16", "fp16_opt_level", "torch_compile", "torch_compile_backend", "torch_compile_mode"),
    *("use_liger_kernel", "liger_kernel_config", "label_names", "label_smoothing_factor", "past_index"),
)


def how_to_compute(args: TrainingArguments) -> tuple[Any, ...]:
    """What of the settings a model that is taken on depends on."""
    return tuple(getattr(args, name) for name in _COMPUTED_BY)


@contextmanager
def ready_for_training(parts: RunParts, args: TrainingArguments) -> Iterator[None]:
    """For as long as the block runs: TF32, recomputation, noise and the watch on overflows as the settings say."""
    with ExitStack() as stack:
        stack.enter_context(tf32(args.tf32))
        # Before recomputation, which has no use for it either.
        stack.enter_context(caching(parts.model, args.use_cache))
        recompute = replace(
            parts.policy, recompute=lambda model: stack.enter_context(recomputing(model, args)), trains=True
        )
        parts.model_wrapped = parts.strategy.prepare(parts.model, recompute)
        stack.enter_context(noisy_embeddings(parts.model, args.neftune_noise_alpha))
        if DebugOption.UNDERFLOW_OVERFLOW in args.debug:
            stack.enter_context(stopping_at_overflow(parts.model))
        yield
