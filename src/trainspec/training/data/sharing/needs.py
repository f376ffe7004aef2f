"""What accelerator_config asks for that these processes cannot have, or that is so anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.training.findings.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine

_CONFIG = "accelerator_config"


def find_sharing_needs(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    config: Any = args.accelerator_config
    if config is None or isinstance(config, str):
        return
    if not config.use_seedable_sampler:
        yield found(
            args,
            "RUN291",
            "use_seedable_sampler is false, but the order of the rows depends on the data seed and the epoch alone",
            _CONFIG,
            remedy="leave use_seedable_sampler out; for another order override get_train_dataloader or its sampler",
            severity="warning",
        )
    details = config.gradient_accumulation_kwargs
    for name, so_anyway in _SO_ANYWAY.items():
        if details is not None and not getattr(details, name):
            yield found(
                args,
                "RUN292",
                f"{name} of gradient_accumulation_kwargs is false, but {so_anyway}",
                _CONFIG,
                remedy=f"leave {name} out",
                severity="warning",
            )


_SO_ANYWAY = {
    "adjust_scheduler": "the schedule counts updates, never micro-batches",
    "sync_with_dataloader": "an accumulation window ends with the epoch",
}
