"""NEFTune: uniform noise on the input embeddings while training (Jain et al. 2023, arXiv 2310.05914, equation 1).

The bound of the noise is alpha / sqrt(length x dimension), from what one row of the embedding's output has.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainspec.training.findings.found import found
from trainspec.training.model.inside import unwrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine


def input_embeddings(model: nn.Module) -> nn.Module | None:
    """What the model itself calls its input embeddings, else its first nn.Embedding."""
    module: Any = unwrap(model)
    try:
        own = module.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        own = None
    if isinstance(own, nn.Module):
        return own
    return next((part for part in module.modules() if isinstance(part, nn.Embedding)), None)


@contextmanager
def noisy_embeddings(model: nn.Module, alpha: float | None) -> Iterator[None]:
    """Noise on the input embeddings while the block runs and the embedding is in training mode; None: no noise.

    Raises ValueError for a model without embeddings.
    """
    if alpha is None:
        yield
        return
    embeddings = input_embeddings(model)
    if embeddings is None:
        raise ValueError(f"{type(unwrap(model)).__name__} has no input embeddings to put noise on")

    def add_noise(module: nn.Module, inputs: Any, output: Tensor) -> Tensor | None:
        if not module.training:
            return None
        bound = alpha / output[0].numel() ** 0.5
        return output + torch.empty_like(output).uniform_(-bound, bound)

    hook = embeddings.register_forward_hook(add_noise)
    try:
        yield
    finally:
        hook.remove()


def find_no_embeddings(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if args.neftune_noise_alpha is not None and input_embeddings(job.model) is None:
        yield found(
            args,
            "RUN163",
            f"{type(unwrap(job.model)).__name__} has neither get_input_embeddings() nor an nn.Embedding",
            "neftune_noise_alpha",
            remedy="leave neftune_noise_alpha out, or give the model a method get_input_embeddings",
        )
