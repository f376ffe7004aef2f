"""What generation needs of the model and of the rows, and is told before a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.training import data
from trainspec.training.data.lengths import RowLengthError, main_input
from trainspec.training.findings.found import found
from trainspec.training.seq2seq.generation import GenerationError, padding_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from trainspec.settings.arguments.seq2seq import Seq2SeqTrainingArguments
    from trainspec.settings.diagnostics import Diagnostic


def unreadable_configuration(args: Seq2SeqTrainingArguments, error: Exception) -> Diagnostic:
    return found(args, "RUN210", f"generation_config cannot be used: {error}", "generation_config")


def find_generation_needs(
    args: Seq2SeqTrainingArguments, model: nn.Module, processing_class: Any
) -> Iterator[Diagnostic]:
    if not args.predict_with_generate:
        return
    if not callable(getattr(model, "generate", None)):
        message = f"{type(model).__name__} has no method generate"
        yield found(args, "RUN211", message, "predict_with_generate")
        return
    try:
        padding_token(processing_class, model)
    except GenerationError as error:
        yield found(args, "RUN212", str(error), "predict_with_generate")


def find_unsortable_rows(args: Seq2SeqTrainingArguments, dataset: Any) -> Iterator[Diagnostic]:
    if not args.sortish_sampler or dataset is None:
        return
    if data.is_iterable(dataset):
        yield found(args, "RUN213", "the rows of train_dataset have no numbers", "sortish_sampler")
        return
    if args.length_column_name in (data.column_names(dataset) or ()) or not data.row_count(dataset):
        return
    try:
        main_input(data.first_row(dataset))
    except RowLengthError as error:
        yield found(args, "RUN213", str(error), "sortish_sampler")
