"""Where a run goes on: the row of the training data, and how many updates are left from there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trainspec.plan.steps import total_updates
from trainspec.settings.arguments.launch import Launch
from trainspec.training import data
from trainspec.training.checkpoint.manifest import CheckpointError
from trainspec.training.checkpoint.ranks.names import place_file
from trainspec.training.checkpoint.ranks.values import of_rank
from trainspec.training.data.position import DataPosition, mismatch, position_of_format_1
from trainspec.training.data.streaming.place import place_of
from trainspec.training.findings.found import found
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.run.resuming.first_rows import other_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainspec.plan.batches import Batches
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.checkpoint.contents import Contents
    from trainspec.training.data import Place
    from trainspec.training.state import TrainerState


def starting_position(
    args: TrainingArguments,
    loader: Any,
    checkpoint: Checkpoint | None,
    contents: Contents | None,
    rows: Mapping[str, str],
) -> DataPosition:
    """The beginning of the data, or the row that the run of a checkpoint had come to.

    `rows`: what `first_rows` tells of the data here.

    Raises PreflightError where that row is not in the same order of the same data: rows would be seen twice, or never.
    """
    seed = data.data_seed(args)
    if checkpoint is None or contents is None:
        return data.position_in(loader, epoch=0, rows=0, seed=seed)
    saved = _saved_position(args, loader, checkpoint, contents)
    if args.ignore_data_skip:
        return data.position_in(loader, epoch=saved.epoch, rows=0, seed=seed)
    now = data.position_in(loader, epoch=saved.epoch, rows=saved.rows, seed=seed)
    reason = mismatch(saved, now) or _other_readers(saved, now, checkpoint)
    if reason is None:
        strange = other_rows(contents.trainer_state.get("first_rows") or {}, rows)
        if strange is not None:
            # At the beginning of an epoch it has become longer, maybe, but its first rows are what they were.
            place = f"epoch {saved.epoch}"
            used = f"{saved.rows:,} rows of {place}" if saved.rows else f"all rows before {place}"
            reason = f"{used} were used of other training data: not the same is {strange}"
    if reason is not None:
        raise PreflightError([other_data(args, reason)])
    return saved


def _other_readers(saved: DataPosition, now: DataPosition, checkpoint: Checkpoint) -> str | None:
    """Why the place of each process in a stream of its own is not that of one here; None where it is."""
    there, here = checkpoint.manifest.world_size, Launch.of_this_process().world_size
    if not saved.rows or now.streams is None or there == here:
        return None
    return (
        f"{there} processes read a stream that was cut into {saved.streams} parts, and {here} read it now: which of "
        "them goes on with which part is not known"
    )


def _saved_position(args: TrainingArguments, loader: Any, checkpoint: Checkpoint, contents: Contents) -> DataPosition:
    if checkpoint.manifest.data is not None:
        # What another program does not say of its data is as it is now.
        here = data.position_in(loader, epoch=0, rows=0, seed=data.data_seed(args))
        unsaid = {"keyed": False, "streams": None}
        rank = Launch.of_this_process().rank
        there = {name: of_rank(value, rank) for name, value in checkpoint.manifest.data.items()}
        return DataPosition.from_dict({**here.to_dict(), **unsaid, **there})
    state, settings = contents.trainer_state, contents.resolved_args
    size = int(state.get("train_batch_size") or args.per_device_train_batch_size)
    now = data.position_in(loader, epoch=0, rows=0, seed=data.data_seed(args))
    seed = _value(settings, "data_seed") or _value(settings, "seed")
    accumulation = _value(settings, "gradient_accumulation_steps") or args.gradient_accumulation_steps
    position = position_of_format_1(
        epoch=int(state.get("epoch_index", 0)),
        batch_in_epoch=int(state.get("batch_in_epoch", 0)),
        batch_size=size,
        seed=now.seed if seed is None else seed,
        length=now.length,
        grouping=None if now.grouping is None else size * accumulation,
    )
    # Batches can be counted only where they are what they were.
    return position if size == args.per_device_train_batch_size else replace(position, batches=None)


def saved_place(checkpoint: Checkpoint, rank: int) -> Place | None:
    """Where the readers of a stream were; None where the checkpoint does not tell. Raises CheckpointError."""
    name = place_file(rank, checkpoint.manifest.world_size)
    if not checkpoint.has(name):
        return None
    try:
        return place_of(checkpoint.read(name))
    except ValueError as error:
        raise CheckpointError(checkpoint.url, f"{name} is damaged ({error})") from None


def _value(settings: Mapping[str, Any], name: str) -> int | None:
    value: int | None = settings.get(name, {}).get("value")
    return value


def other_data(args: TrainingArguments, reason: str) -> Any:
    """The diagnostic of data in which there is no such row, for a reason."""
    return found(
        args,
        "RUN122",
        "the run cannot go on at the row where it stopped",
        "resume_from_checkpoint",
        reason=reason,
        remedy="resume with the data, the data_seed and the workers that it had, or set ignore_data_skip: true, which "
        "begins the epoch again",
    )


def updates_done(
    args: TrainingArguments, cut: Batches, walk: data.Walk | None, length: int | None, sharing: data.Sharing
) -> int:
    """Updates of the epoch that lie behind a walk, as the epoch is cut now, which may not be how it was cut before.

    `length` is the number of rows of an epoch. None walks where the epoch is at its beginning.
    """
    if walk is None or cut.updates is None or cut.micro_batches is None:
        return 0
    if walk.passed is not None:
        left = cut.micro_batches - walk.passed
    else:
        rows = (length or 0) - walk.row
        if sharing.drops:
            rows -= data.uneven_rows(rows, cut.global_rows // sharing.size, sharing.size)
        left = rows // cut.global_rows if args.dataloader_drop_last else -(-rows // cut.global_rows)
    return cut.updates - -(-max(left, 0) // args.gradient_accumulation_steps)


def updates_in_all(args: TrainingArguments, cut: Batches, state: TrainerState) -> int:
    """Updates at the end of the run. One that goes on with epochs cut up in another way has made others before.

    `state` still tells how they were cut; what that makes more or less is noted in it, for who goes on from here.
    """
    total = total_updates(args.max_steps, args.num_train_epochs, cut.updates)
    if args.max_steps > 0 or cut.updates is None:
        return total
    as_before = state.updates_per_epoch, state.train_batch_size
    if state.global_step and as_before != (cut.updates, args.per_device_train_batch_size):
        behind = state.epoch_index * cut.updates + state.updates_in_epoch
        state.updates_beyond_epochs = state.global_step - behind
    return total + state.updates_beyond_epochs
