"""Files that settings name: a configuration may be judged where they are not, a run needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.settings.judging.named_files import is_here, not_here
from trainspec.settings.values.shape import FILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine


def find_missing_files(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """The files that were not there when the settings were read and still are not."""
    for name in FILES:
        path = getattr(args, name)
        if isinstance(path, str) and not is_here(name, path, args.origin):
            yield not_here(name, path, args.origin, "error")
