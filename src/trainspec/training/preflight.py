"""Valid settings against the facts of this machine and this job, before anything is written. All findings at once."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics import Diagnostic, errors_of
from trainspec.training.devices import supports_bf16, supports_tf32
from trainspec.training.output_folder import find_unwritable
from trainspec.training.requirements import GENERAL, TRAINING, Job, Machine
from trainspec.training.support import find_gaps

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    from trainspec.settings.arguments import TrainingArguments

logger = logging.getLogger(__name__)

__all__ = ["Job", "Machine", "PreflightError", "check", "examine", "look_around"]


class PreflightError(Exception):
    """The run cannot do what the settings say here; `diagnostics` holds every finding."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n\n".join(item.render() for item in self.diagnostics))


def look_around(device: torch.device) -> Machine:
    return Machine(
        device=device,
        world_size=int(os.environ.get("WORLD_SIZE") or 1),
        bf16=supports_bf16(device),
        tf32=supports_tf32(device),
    )


def examine(args: TrainingArguments, machine: Machine, job: Job, *, trains: bool = True) -> list[Diagnostic]:
    needs = [found for need in GENERAL for found in need(args, machine, job)]
    if trains:
        needs += [found for need in TRAINING for found in need(args, machine, job)]
    return [*find_gaps(args), *needs, *find_unwritable(args)]


def check(findings: Iterable[Diagnostic]) -> None:
    """Raise PreflightError where there is an error among the findings; warnings are logged."""
    found = list(findings)
    if errors_of(found):
        raise PreflightError(found)
    for item in found:
        logger.warning("%s", item.render())
