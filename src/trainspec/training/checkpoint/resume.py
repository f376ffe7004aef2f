"""Where a run goes on from, and what keeps it from doing so."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics import Diagnostic, finding
from trainspec.settings.diagnostics.preflight_codes import PREFLIGHT_CODES
from trainspec.storage import StorageError, Store
from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint import Checkpoint, CheckpointError
from trainspec.training.checkpoint.contents import why_not_resumable
from trainspec.training.checkpoint.load import checkpoint_folders
from trainspec.training.checkpoint.model_files import ADAPTER_TORCH_WEIGHTS, ADAPTER_WEIGHTS, restore_model
from trainspec.training.checkpoint.shards import WEIGHT_FILES
from trainspec.training.errors import NoModelError
from trainspec.training.foreign.finding import newest_of_any, open_any

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments

logger = logging.getLogger(__name__)


def look_for_checkpoint(
    output: Callable[[], Store], wanted: str | bool | None, *, loads_itself: bool = False
) -> tuple[Checkpoint | None, list[Diagnostic]]:
    """The checkpoint that a value of resume_from_checkpoint means, and what is wrong with it.

    `loads_itself`: a subclass restores the optimizer and its schedule.
    """
    if not wanted:
        return None, []
    try:
        found = find_checkpoint(output, wanted)
    except (CheckpointError, StorageError) as error:
        return None, [_no_checkpoint(wanted, str(error))]
    reason = why_not_resumable(found, loads_itself=loads_itself)
    return (found, []) if reason is None else (None, [_incomplete(wanted, reason)])


def find_checkpoint(output: Callable[[], Store], wanted: str | bool) -> Checkpoint:
    """The one at that path or URL; for True and "latest" the newest valid one in the output folder."""
    if isinstance(wanted, str) and wanted != "latest":
        return open_any(wanted)
    store = output()
    found = newest_of_any(store, lambda error: logger.warning("passed over: %s", error))
    if found is None:
        raise CheckpointError(store.url, "there is no whole checkpoint in it")
    return found


def going_on_if_any(args: TrainingArguments, output: Callable[[], Store]) -> TrainingArguments:
    """The settings of a run that may be started again: they go on from the newest whole checkpoint in the output
    folder, where training can. Where a first start has left none that is whole, they replace what is there.

    Raises StorageError.
    """
    store = output()
    found = newest_of_any(store, lambda error: logger.warning("passed over: %s", error))
    if found is not None and why_not_resumable(found) is None:
        return args.replace(resume_from_checkpoint=found.url)
    if found is None and checkpoint_folders(store):
        return args.replace(overwrite_output_dir=True)
    return args


def _no_checkpoint(wanted: str | bool, reason: str) -> Diagnostic:
    return finding(
        "RUN110",
        PREFLIGHT_CODES["RUN110"].name,
        "there is no checkpoint to resume from",
        values={"resume_from_checkpoint": wanted},
        reason=reason,
        remedy="name another checkpoint, or leave resume_from_checkpoint out to start from the beginning",
    )


def _incomplete(wanted: str | bool, reason: str) -> Diagnostic:
    return finding(
        "RUN111",
        PREFLIGHT_CODES["RUN111"].name,
        "the checkpoint holds a model, but not what training needs to go on from it",
        values={"resume_from_checkpoint": wanted},
        reason=reason,
        remedy="resume from a checkpoint saved with save_only_model: false",
    )


def load_trained_weights(model: nn.Module, args: TrainingArguments, output: Store) -> None:
    """For a command that does not train: the weights of resume_from_checkpoint, else of the model in output_dir."""
    if args.resume_from_checkpoint:
        load_weights(model, find_checkpoint(lambda: output, args.resume_from_checkpoint))
        return
    names = [entry.name for entry in output.entries() if "/" not in entry.name]
    if not any(name in names for name in MODEL_FILES):
        raise NoModelError(
            f"do_train is false and there is no trained model: {redact_whole_url(output.url)} holds none of "
            f"{', '.join(MODEL_FILES)}; train first, or set resume_from_checkpoint"
        )
    restore_model(model, output.read_bytes, names, output.url)


MODEL_FILES = (*WEIGHT_FILES, ADAPTER_WEIGHTS, ADAPTER_TORCH_WEIGHTS)


def load_weights(model: nn.Module, checkpoint: Checkpoint) -> None:
    """A checkpoint's weights into the model. Raises WeightsMismatchError for those of another model."""
    names = [file.name for file in checkpoint.manifest.files]
    restore_model(model, checkpoint.read, names, checkpoint.url)
