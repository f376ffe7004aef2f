"""Where a run goes on from, and what keeps it from doing so."""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics import Diagnostic, finding
from trainspec.settings.diagnostics.preflight_codes import PREFLIGHT_CODES
from trainspec.settings.diagnostics.stepping_codes import STEPPING_CODES
from trainspec.storage import StorageError, Store
from trainspec.training.checkpoint import Checkpoint, CheckpointError
from trainspec.training.checkpoint.contents import SCALER, TORCH_SCALER, why_not_resumable
from trainspec.training.checkpoint.load import checkpoint_folders, folder_name
from trainspec.training.checkpoint.model_files import restore_model
from trainspec.training.checkpoint.ranks.layout import difference, keeps_streams
from trainspec.training.checkpoint.retention import only_unfinished
from trainspec.training.foreign.checkpoint import is_of_others
from trainspec.training.foreign.finding import newest_of_any, open_any
from trainspec.training.parallel import Alone
from trainspec.training.parallel.agreement import OtherProcessError, on_main, together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel import Processes, Strategy

logger = logging.getLogger(__name__)

# The value of resume_from_checkpoint that goes on where there is something to go on from, and else begins.
AUTO = "auto"


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
    if wanted == AUTO:
        try:
            start, faults = _how_to_start(output, processes, on_each_node=on_each_node)
            unfinished = only_unfinished(output())
        except (StorageError, OtherProcessError) as error:
            return None, [_no_checkpoint(wanted, str(error))]
        if faults or start in (_Start.FRESH, _Start.REPLACING):
            return None, [*faults, *([unfinished_saves(unfinished)] if unfinished else [])]
        wanted = "latest"
    try:
        found = find_together(output, wanted, processes, on_each_node=on_each_node)
    except (CheckpointError, StorageError, OtherProcessError) as error:
        return None, [_no_checkpoint(wanted, str(error))]
    reasons = processes.each(why_not_resumable(found, loads_itself=loads_itself, rank=processes.rank))
    reason = next(filter(None, reasons), None)
    if reason is not None:
        return None, [_incomplete(wanted, reason)]
    other = None if strategy is None or is_of_others(found) else difference(found, strategy)
    return found, [] if other is None else [_other_layout(found, strategy, other)]


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
        newest = _newest_on_all_nodes(output, processes)
        if newest is None:
            raise CheckpointError(output().url, "there is no checkpoint in it that is whole on every node")
        step = newest
    else:
        step = on_main(processes, "looking for the checkpoint", look)
    with together(processes, "opening the checkpoint"):
        mine = found[0] if found else open_any(output().child(folder_name(step)) if named is None else named)
        if mine.step != step:
            raise CheckpointError(mine.url, f"it is of update {mine.step:,}, and that of the main process of {step:,}")
    return mine


def _newest_on_all_nodes(output: Callable[[], Store], processes: Processes) -> int | None:
    """The highest step of which every node has a whole checkpoint."""
    with together(processes, "looking for checkpoints") as talk:
        store = output()
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
    return None


def find_checkpoint(output: Callable[[], Store], wanted: str | bool) -> Checkpoint:
    """The one at that path or URL; for True and "latest" the newest valid one in the output folder."""
    if isinstance(wanted, str) and wanted != "latest":
        return open_any(wanted)
    store = output()
    found = _newest_whole(store)
    if found is None:
        raise CheckpointError(store.url, "there is no whole checkpoint in it")
    return found


def _newest_whole(store: Store) -> Checkpoint | None:
    return newest_of_any(store, lambda error: logger.warning("passed over: %s", error))


class _Start(StrEnum):
    """How a run starts that may be one that is started again."""

    # From a whole checkpoint; or there is one, with a model and not all that training needs.
    GOING_ON = "going on"
    REFUSED = "refused"
    # What is there is no whole checkpoint; there is nothing.
    REPLACING = "replacing"
    FRESH = "fresh"


def going_on_if_any(
    args: TrainingArguments, output: Callable[[], Store], processes: Processes
) -> tuple[TrainingArguments, list[Diagnostic]]:
    """The settings of a run that may be started again, and what keeps it from starting.

    It goes on from the newest whole checkpoint in the output folder, where training can. Where a first start has left
    none that is whole, it replaces what is there. All processes ask, and come to the same: the main one looks for all,
    and with save_on_each_node one of every node. Raises StorageError.
    """
    start, faults = _how_to_start(output, processes, on_each_node=args.save_on_each_node)
    if start == _Start.GOING_ON:
        return args.replace(resume_from_checkpoint="latest"), faults
    if start == _Start.REPLACING:
        return args.replace(overwrite_output_dir=True), faults
    return args, faults


def _how_to_start(
    output: Callable[[], Store], processes: Processes, *, on_each_node: bool
) -> tuple[str, list[Diagnostic]]:
    """The same for all processes, of a run that is to go on where it can; and what keeps it from starting."""
    if on_each_node:
        return _start_on_all_nodes(output, processes)
    return on_main(processes, "looking for a checkpoint", lambda: _start(output())), []


def _start(store: Store) -> str:
    found = _newest_whole(store)
    if found is not None:
        return _Start.GOING_ON if why_not_resumable(found) is None else _Start.REFUSED
    return _Start.REPLACING if checkpoint_folders(store) else _Start.FRESH


def _start_on_all_nodes(output: Callable[[], Store], processes: Processes) -> tuple[str, list[Diagnostic]]:
    """Nobody begins anew where a node has a checkpoint, for that would be replaced by one of less training."""
    step = _newest_on_all_nodes(output, processes)
    if step is not None:
        with together(processes, "opening the checkpoint") as talk:
            found = open_any(output().child(folder_name(step)))
            talk.said = why_not_resumable(found, rank=processes.rank)
        return (_Start.REFUSED if any(talk.heard) else _Start.GOING_ON), []
    with together(processes, "looking for checkpoints") as talk:
        if processes.is_local_main:
            store = output()
            newest = _newest_whole(store)
            talk.said = [processes.node, None if newest is None else newest.step, bool(checkpoint_folders(store))]
    nodes = [said for said in talk.heard if said is not None]
    if any(step is not None for _, step, _ in nodes):
        return _Start.REFUSED, [_nothing_in_common({node: step for node, step, _ in nodes})]
    return (_Start.REPLACING if any(left for *_, left in nodes) else _Start.FRESH), []


def _nothing_in_common(newest: dict[int, int | None]) -> Diagnostic:
    each = (f"node {node} {'none' if step is None else folder_name(step)}" for node, step in newest.items())
    return finding(
        "RUN248",
        STEPPING_CODES["RUN248"].name,
        f"the nodes have no whole checkpoint in common; the newest of each: {', '.join(each)}",
        values={"save_on_each_node": True},
        reason=STEPPING_CODES["RUN248"].reason,
        remedy="copy a whole checkpoint to output_dir of the nodes that lack it, or remove what is there to begin anew",
    )


def unfinished_saves(steps: Sequence[int]) -> Diagnostic:
    """That a run begins in a folder in which another was ended in its first save."""
    told = STEPPING_CODES["RUN249"]
    left = ", ".join(map(folder_name, steps[:3])) + (", ..." if len(steps) > 3 else "")
    return finding(
        "RUN249",
        told.name,
        f"output_dir holds what a save that was never finished has left ({left}): training begins anew",
        severity="note",
        values={},
        reason=told.reason,
        remedy=told.fix,
    )


def _no_checkpoint(wanted: str | bool, reason: str) -> Diagnostic:
    return finding(
        "RUN110",
        PREFLIGHT_CODES["RUN110"].name,
        "there is no checkpoint to resume from",
        values={"resume_from_checkpoint": wanted},
        reason=reason,
        remedy="name another checkpoint, leave resume_from_checkpoint out to start from the beginning, or set it to "
        "auto, which does so where there is none",
    )


def _other_layout(checkpoint: Checkpoint, strategy: Strategy | None, reason: str) -> Diagnostic:
    """That a run goes on in another layout; what of it does not, is told."""
    told = STEPPING_CODES["RUN246"]
    lost = []
    if strategy is None or not keeps_streams(checkpoint, strategy):
        lost.append("random numbers, as those of dropout, begin anew")
    layouts = [checkpoint.manifest.layout, {} if strategy is None else strategy.layout()]
    engines = [layout.get("strategy") == "deepspeed" for layout in layouts]
    if len({*engines}) > 1 and any(map(checkpoint.has, (SCALER, TORCH_SCALER))):
        lost.append("the loss scale goes on, not when it last grew")
    return finding(
        "RUN246",
        told.name,
        f"{folder_name(checkpoint.step)} was written by processes that shared the work in another way: "
        f"{'; '.join(lost) or 'nothing is lost by it'}",
        severity="note",
        values={},
        reason=reason,
        remedy=told.fix,
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
