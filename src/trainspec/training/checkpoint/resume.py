"""Where a run goes on from, and what keeps it from doing so."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics import Diagnostic, finding
from trainspec.settings.diagnostics.preflight_codes import PREFLIGHT_CODES
from trainspec.settings.diagnostics.stepping_codes import STEPPING_CODES
from trainspec.storage import StorageError, Store
from trainspec.storage.local import LocalStore
from trainspec.training.checkpoint import Checkpoint, CheckpointError
from trainspec.training.checkpoint.contents import SCALER, TORCH_SCALER, why_not_resumable
from trainspec.training.checkpoint.load import folder_name, oldest_first, went_back_to
from trainspec.training.checkpoint.manifest import Branch
from trainspec.training.checkpoint.model_files import restore_model
from trainspec.training.checkpoint.ranks.layout import difference, keeps_streams
from trainspec.training.checkpoint.retention import only_unfinished
from trainspec.training.foreign.checkpoint import is_of_others
from trainspec.training.foreign.finding import list_of_any, newest_of_any, open_any
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


# Other names of the same store.
_ALIASES = {"s3a": "s3", "gcs": "gs"}
# The last word on a run names none of them.
_damaged: set[str] = set()


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
        if wanted == AUTO:
            step, faults = _step_to_go_on_from(output, processes, on_each_node=on_each_node)
            if step is None:
                unfinished = only_unfinished(output())
                return None, [*faults, *([unfinished_saves(unfinished)] if unfinished else [])]
            newest = folder_name(step)
            found = _opened_together(processes, step, lambda: open_any(output().child(newest)))
        else:
            found = find_together(output, wanted, processes, on_each_node=on_each_node)
    except (CheckpointError, StorageError, OtherProcessError) as error:
        return None, [no_checkpoint(wanted, str(error))]
    reasons = processes.each(why_not_resumable(found, loads_itself=loads_itself, rank=processes.rank))
    reason = next(filter(None, reasons), None)
    if reason is not None:
        return None, [_incomplete(wanted, reason)]
    other = None if strategy is None or is_of_others(found) else difference(found, strategy)
    return found, [] if other is None else [_other_layout(found, strategy, other)]


def goes_on_by_itself(args: TrainingArguments) -> bool:
    """Whether the same settings go on from the newest checkpoint once there is one."""
    return args.resume_from_checkpoint in (AUTO, "latest", True)


def how_to_go_on(args: TrainingArguments) -> str:
    """Said to people whose run has ended before its end."""
    if goes_on_by_itself(args):
        return "the same settings go on from there"
    return "set resume_from_checkpoint: latest to go on"


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

    def opened() -> Checkpoint:
        return found[0] if found else _named(output, named or output().child(folder_name(step)))

    return _opened_together(processes, step, opened)


def _opened_together(processes: Processes, step: int, opened: Callable[[], Checkpoint]) -> Checkpoint:
    with together(processes, "opening the checkpoint"):
        mine = opened()
        if mine.step != step:
            raise CheckpointError(mine.url, f"it is of update {mine.step:,}, and that of the main process of {step:,}")
    return mine


def _newest_on_all_nodes(output: Callable[[], Store], processes: Processes) -> int | None:
    """The step of the newest checkpoint that is whole on every node."""
    with together(processes, "looking for checkpoints") as talk:
        store = output()
        talk.said = oldest_first(store)
    here: list[int] = talk.heard[0]
    common = set(here).intersection(*talk.heard)
    for step in (step for step in reversed(here) if step in common):
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
        return _named(output, wanted)
    store = output()
    found = _newest_whole(store)
    if found is None:
        raise CheckpointError(store.url, "there is no whole checkpoint in it")
    return found


def _named(output: Callable[[], Store], named: str | Store) -> Checkpoint:
    """The one of that name, as one of the output folder where it lies in it: there are many ways to write a path."""
    found = open_any(named)
    here = output().child(folder_name(found.step))
    return replace(found, store=here) if _is_same(found.store, here) else found


def _is_same(one: Store, other: Store) -> bool:
    if isinstance(one, LocalStore) and isinstance(other, LocalStore):
        with suppress(OSError):
            return one.folder.samefile(other.folder)
    return _spelt(one.url) == _spelt(other.url)


def _spelt(url: str) -> tuple[str, str]:
    scheme, _, rest = url.partition("://")
    return _ALIASES.get(scheme, scheme), rest.rstrip("/")


def _newest_whole(store: Store) -> Checkpoint | None:
    def passed_over(error: CheckpointError) -> None:
        _damaged.add(error.where)
        logger.warning("passed over: %s", error)

    return newest_of_any(store, passed_over)


def branch_to_write(
    output: Callable[[], Store], wanted: str | bool | None, checkpoint: Checkpoint | None, processes: Processes
) -> tuple[Branch, list[Diagnostic]]:
    """The `branch` of the checkpoints of a run that goes on from this one; a note where it leaves newer ones behind.

    Who names a checkpoint may go back; `latest` and `auto` go on after a run that did, and ended before its first save.
    Every process asks, and gets the same.
    """
    if checkpoint is None:
        return Branch(), []
    names_it = wanted not in (AUTO, "latest", True)

    def look() -> tuple[int, list[int]]:
        there = sorted(list_of_any(output()), key=lambda found: found.place)
        newer = [found for found in there if found.place > checkpoint.place]
        if not names_it and went_back_to(output()) is None:
            # Newer ones are damaged, and made anew; on a branch of their own they would stay the newest.
            newer = [found for found in newer if found.branch.number > checkpoint.branch.number]
        return max((found.branch.number for found in newer), default=-1), [found.step for found in newer]

    try:
        last, newer = on_main(processes, "looking for newer checkpoints", look)
    except (StorageError, OtherProcessError) as error:
        return checkpoint.branch, [no_checkpoint(str(wanted), str(error))]
    if not newer:
        return checkpoint.branch, []
    branch = checkpoint.branch.begun_at(checkpoint.step, last + 1)
    return branch, [_left_behind(checkpoint, newer)] if names_it else []


def _left_behind(checkpoint: Checkpoint, newer: Sequence[int]) -> Diagnostic:
    told = PREFLIGHT_CODES["RUN225"]
    names = ", ".join(map(folder_name, newer[:3])) + (f" and {len(newer) - 3} more" if len(newer) > 3 else "")
    return finding(
        "RUN225",
        told.name,
        f"the run goes back to {folder_name(checkpoint.step)}, and output_dir holds newer checkpoints: {names}",
        severity="note",
        values={},
        reason=told.reason,
        remedy=told.fix,
    )


def is_damaged(url: str) -> bool:
    """Whether this process has passed it over, and has not written it again."""
    return CheckpointError(url, "").where in _damaged


def is_whole(url: str) -> None:
    """It has just been written."""
    _damaged.discard(CheckpointError(url, "").where)


def _step_to_go_on_from(
    output: Callable[[], Store], processes: Processes, *, on_each_node: bool
) -> tuple[int | None, list[Diagnostic]]:
    """The newest whole checkpoint of a run that is to go on where it can, in every process; None where it begins.

    It is verified, once: by the main process, and with save_on_each_node by one of every node.
    """

    def look() -> int | None:
        found = _newest_whole(output())
        return None if found is None else found.step

    if not on_each_node:
        return on_main(processes, "looking for a checkpoint", look), []
    step = _newest_on_all_nodes(output, processes)
    if step is not None:
        return step, []
    # Nobody begins anew where a node has a checkpoint, for that would be replaced by one of less training.
    with together(processes, "looking for checkpoints") as talk:
        if processes.is_local_main:
            talk.said = [processes.node, look()]
    newest: dict[int, int | None] = dict(filter(None, talk.heard))
    return None, [_nothing_in_common(newest)] if any(found is not None for found in newest.values()) else []


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


def no_checkpoint(
    wanted: str | bool, reason: str, message: str = "there is no checkpoint to resume from"
) -> Diagnostic:
    """That this value of resume_from_checkpoint leads to none that can be gone on from."""
    return finding(
        "RUN110",
        PREFLIGHT_CODES["RUN110"].name,
        message,
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
