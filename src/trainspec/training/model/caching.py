"""`use_cache`: whether a model keeps the keys and values that only generation has a use for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainspec.training.findings.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine

_KEY = "use_cache"


@contextmanager
def caching(model: nn.Module, wanted: bool | None) -> Iterator[None]:
    """The model's own switch as wanted for as long as the block runs, evaluations during training included."""
    config: Any = getattr(model, "config", None)
    if wanted is None or not hasattr(config, _KEY):
        yield
        return
    before = getattr(config, _KEY)
    setattr(config, _KEY, wanted)
    try:
        yield
    finally:
        setattr(config, _KEY, before)


def find_no_key_cache(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """That there is nothing to keep is what false asks for; true cannot be had."""
    if args.use_cache and not hasattr(getattr(job.model, "config", None), _KEY):
        yield found(
            args,
            "RUN172",
            f"use_cache: the configuration of {type(job.model).__name__} has no such switch",
            _KEY,
            severity="warning",
        )
