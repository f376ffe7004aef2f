"""Trackers that were asked for by name and cannot be had here. "all" means what can, and needs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.training.findings.found import found
from trainspec.training.trackers.facts import uses_space
from trainspec.training.trackers.registry import THROUGH_MLFLOW, TRACKERS, chosen_trackers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine


def find_missing_trackers(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """Nothing is imported and nobody is asked over a network."""
    names = [name for name in chosen_trackers(args) if name in TRACKERS]
    installed = [name for name in names if TRACKERS[name].is_installed()]
    for name in names:
        if name not in installed:
            yield _not_installed(args, name)
    for name in installed:
        reason = TRACKERS[name].why_not()
        if reason is not None:
            yield _not_usable(args, name, reason)
    yield from _one_run_twice(args, names)
    if "trackio" in installed:
        yield from _space_without_token(args)


def _not_installed(args: TrainingArguments, name: str) -> Diagnostic:
    kind = TRACKERS[name]
    return found(
        args,
        "RUN116",
        f"tracker {name!r} needs the package {kind.package}, which is not installed",
        "report_to",
        remedy=f"{kind.install_command}, or leave {name} out of report_to",
    )


def _not_usable(args: TrainingArguments, name: str, reason: str) -> Diagnostic:
    return found(
        args,
        "RUN140",
        f"tracker {name!r} cannot be used here: {reason}",
        "report_to",
        remedy=f"set up what is missing, or leave {name} out of report_to",
    )


def _one_run_twice(args: TrainingArguments, names: list[str]) -> Iterator[Diagnostic]:
    several = [name for name in THROUGH_MLFLOW if name in names]
    if len(several) > 1:
        yield found(
            args,
            "RUN141",
            f"{', '.join(several)} all report through MLflow, to the one place that MLFLOW_TRACKING_URI names",
            "report_to",
            remedy=f"keep one of them; {several[0]} reports all there is",
        )


def _space_without_token(args: TrainingArguments) -> Iterator[Diagnostic]:
    if not uses_space(args):
        return
    from huggingface_hub import get_token

    if get_token() is None:
        said = "trackio_space_id" in args.model_fields_set
        yield found(
            args,
            "RUN142",
            f"trackio would publish to the Space {args.trackio_space_id}, and nobody is logged in to the hub here",
            *(("report_to", "trackio_space_id") if said else ("report_to",)),
            remedy="set trackio_space_id: null to keep the run on this machine, or log in with `hf auth login`",
        )
