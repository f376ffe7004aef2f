"""What an evaluation could not give, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.training.findings.found import found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic


def find_no_labels(args: TrainingArguments, names: Sequence[str], keys: Sequence[str]) -> Diagnostic:
    """compute_metrics was not called; `keys` of a batch, none where batches have no keys."""
    held = f"; the batches hold {', '.join(keys)}" if keys else ""
    return found(
        args,
        "RUN153",
        f"compute_metrics was not called, because no batch has labels: these are looked for in {_listed(names)}{held}",
        "label_names",
        reason="metrics compare predictions with labels",
        remedy="set label_names to the keys that hold the labels" if keys else "let rows be (inputs..., labels)",
        severity="warning",
    )


def find_no_label_that_counts(args: TrainingArguments, names: Sequence[str]) -> Diagnostic:
    """The loss is nan."""
    return found(
        args,
        "RUN155",
        f"no label of the data counts: all of {_listed(names)} are -100, and the loss is nan",
        "label_names",
        remedy="look at what the data_collator masks",
        severity="warning",
    )


def find_an_empty_column(args: TrainingArguments, names: Sequence[str], batches: int) -> Diagnostic:
    """The loss is that of the other batches."""
    return found(
        args,
        "RUN155",
        f"the loss of {batches} batches is nan, because one of {_listed(names)} is -100 throughout: they are left out",
        "label_names",
        remedy="evaluate in larger batches, so that each has labels of every kind",
        severity="warning",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
