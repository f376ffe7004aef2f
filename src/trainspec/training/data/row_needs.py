"""What a run needs of the rows: found by a look at the first one, which nothing else notices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trainspec.training.data.columns import accepted_names, both_sides, inputs_among
from trainspec.training.data.lengths import RowLengthError, main_input
from trainspec.training.data.rows import column_names, first_row, is_iterable, row_count
from trainspec.training.findings.found import found
from trainspec.training.model import outputs
from trainspec.training.model.inside import main_input_name

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine


def find_unreadable_rows(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    for name, dataset in _datasets(args, job):
        try:
            first_row(dataset)
        except Exception as error:  # whatever the user's code raises
            yield found(
                args,
                "RUN154",
                f"row 0 of {name} cannot be read: {type(error).__name__}: {error}",
                remedy="rows are asked for by their number, from 0 to the length of the data set",
            )


def find_unused_columns(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """Data sets of which remove_unused_columns would leave nothing. Rows that come one by one are not looked at."""
    accepted = accepted_names(job.model) if args.remove_unused_columns and not job.chooses_its_columns else None
    if accepted is None:
        return
    inputs = inputs_among(accepted, outputs.label_names(job.model, args.label_names))
    for name, dataset in _datasets(args, job):
        keys = _readable_keys(dataset)
        if keys is not None and inputs.isdisjoint(keys):
            yield found(args, "RUN150", f"{name}: {both_sides(keys, accepted)}", "remove_unused_columns")


def find_ungroupable_rows(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    dataset = job.train_dataset
    if not args.group_by_length or dataset is None or job.orders_rows_itself:
        return
    if is_iterable(dataset):
        yield found(args, "RUN151", "the rows of train_dataset have no numbers", "group_by_length")
        return
    keys = _readable_keys(dataset)
    if not row_count(dataset) or (keys is not None and args.length_column_name in keys):
        return
    try:
        main_input(_readable_row(dataset), main_input_name(job.model))
    except RowLengthError as error:
        yield found(
            args,
            "RUN152",
            f"there is no column {args.length_column_name!r} in train_dataset, and {error}",
            "group_by_length",
            "length_column_name",
        )


def find_missing_labels(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """Only of labels that the user named: others may be missing on purpose."""
    # Collators make `labels` of these.
    known = {"labels": ("labels", "label", "label_ids")}
    wanted = {key for name in args.label_names or () for key in known.get(name, (name,))}
    for name, dataset in _datasets(args, job):
        keys = _readable_keys(dataset)
        if wanted and name != "train_dataset" and keys is not None and wanted.isdisjoint(keys):
            yield found(
                args,
                "RUN153",
                f"{name}: the rows hold {sorted(keys)}",
                "label_names",
                severity="warning",
            )


def _datasets(args: TrainingArguments, job: Job) -> Iterator[tuple[str, Any]]:
    if job.train_dataset is not None:
        yield "train_dataset", job.train_dataset
    if not (args.do_eval or args.eval_on_start):
        return
    # A dict of data sets is evaluated one by one.
    several = job.eval_dataset if isinstance(job.eval_dataset, Mapping) else {"": job.eval_dataset}
    for key, dataset in several.items():
        if dataset is not None:
            yield f"eval_dataset[{key!r}]" if key else "eval_dataset", dataset


def _readable_row(dataset: Any) -> Any:
    try:
        return first_row(dataset)
    except Exception:  # a finding of its own
        return {}


def _readable_keys(dataset: Any) -> list[str] | None:
    try:
        return column_names(dataset)
    except Exception:  # a finding of its own
        return None


NEEDS_OF_ROWS = (find_unreadable_rows, find_unused_columns, find_missing_labels)
NEEDS_OF_TRAINING_ROWS = (find_ungroupable_rows,)
