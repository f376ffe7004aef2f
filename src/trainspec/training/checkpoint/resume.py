"""Where a run goes on from, and what keeps it from doing so."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics import Diagnostic, finding
from trainspec.settings.diagnostics.preflight_codes import PREFLIGHT_CODES
from trainspec.settings.diagnostics.stepping_codes import STEPPING_CODES
from trainspec.storage import StorageError, Store
from trainspec.training.checkpoint import Checkpoint, CheckpointError
from trainspec.training.checkpoint.contents import why_not_resumable
from trainspec.training.checkpoint.load import checkpoint_folders, folder_name
from trainspec.training.checkpoint.model_files import restore_model
from trainspec.training.checkpoint.ranks.layout import difference
from trainspec.training.foreign.checkpoint import is_of_others
from trainspec.training.foreign.finding import newest_of_any, open_any
from trainspec.training.parallel import Alone
from trainspec.training.parallel.agreement import OtherProcessError, on_main, together

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel import Processes, Strategy

logger = logging.getLogger(__name__)


def look_for_checkpoint(
    output: Callable[[], Store],
    wanted: str | bool | None,
    *,
    loads_itself: bool = False,
    strategy: Strategy | None = None,
    on_each_node: bool = False,
) -> tuple[Checkpoint | None, list[Diagnostic]]:
    """The checkpoint that a value of resume_from_checkpoint means, and what is wrong with it.

    `loads_itself`: a subclass restores the optimizer and its schedule. Every process of the strategy asks, and gets the
    same; `on_each_node`: each node has a folder of its own, with what its processes wrote.
    """
    if not wanted:
        return None, []
    processes: Processes = Alone() if strategy is None else strategy.processes
    try:
        found = find_together(output, wanted, processes, on_each_node=on_each_node)
    except (CheckpointError, StorageError, OtherProcessError) as error:
        return None, [_no_checkpoint(wanted, str(error))]
    reasons = processes.each(why_not_resumable(found, loads_itself=loads_itself, rank=processes.rank))
    reason = next(filter(None, reasons), None)
    if reason is not None:
        return None, [_incomplete(wanted, reason)]
    other = None if strategy is None or is_of_others(found) else difference(found, strategy)
    return (found, []) if other is None else (None, [_other_layout(wanted, found, other)])


def find_together(
    output: Callable[[], Store], wanted: str | bool, processes: Processes, *, on_each_node: bool = False
) -> Checkpoint:
    """`find_checkpoint` in every process: the main one looks, and verifies what it finds; then all open it."""
    named = wanted if isinstance(wanted, str) and wanted != "latest" else None
    found: list[Checkpoint] = []

    def look() -> int:
        found.append(find_checkpoint(output, wanted))
        return found[0].step

    if on_each_node and named is None:
        step = _newest_on_all_nodes(output(), processes)
    else:
        step = on_main(processes, "looking for the checkpoint", look)
    with together(processes, "opening the checkpoint"):
        mine = found[0] if found else open_any(output().child(folder_name(step)) if named is None else named)
        if mine.step != step:
            raise CheckpointError(mine.url, f"it is of update {mine.step:,}, and that of the main process of {step:,}")
    return mine


def _newest_on_all_nodes(store: Store, processes: Processes) -> int:
    """The highest step of which every node has a whole checkpoint."""
    with together(processes, "looking for checkpoints") as talk:
        talk.said = checkpoint_folders(store)
    common: set[int] = set(talk.heard[0]).intersection(*talk.heard)
    for step in sorted(common, reverse=True):
        problem = None
        if processes.is_local_main:
            try:
                open_any(store.child(folder_name(step))).verify()
            except (CheckpointError, StorageError) as error:
                problem = str(error)
        problems = list(filter(None, processes.each(problem)))
        if not problems:
            return step
        logger.warning("passed over: %s", "; ".join(problems))
    raise CheckpointError(store.url, "there is no checkpoint in it that is whole on every node")


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
        # By that word all processes look for one that every node has.
        return args.replace(resume_from_checkpoint="latest")
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


def _other_layout(wanted: str | bool, checkpoint: Checkpoint, reason: str) -> Diagnostic:
    return finding(
        "RUN246",
        STEPPING_CODES["RUN246"].name,
        f"{folder_name(checkpoint.step)} was written by processes that shared the work in another way",
        values={"resume_from_checkpoint": wanted},
        reason=reason,
        remedy="resume with as many processes, and with the strategy and its sizes, as wrote it; or begin a new run "
        "with the checkpoint's weights",
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


def load_weights(model: nn.Module, checkpoint: Checkpoint) -> None:
    """A checkpoint's weights into the model. Raises WeightsMismatchError for those of another model."""
    names = [file.name for file in checkpoint.manifest.files]
    restore_model(model, checkpoint.read, names, checkpoint.url)
