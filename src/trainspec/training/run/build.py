"""From settings, data and perhaps a checkpoint to the parts of a run."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trainspec.plan.batches import Batches, cut_epoch, updates_per_epoch
from trainspec.plan.events import Cadence
from trainspec.plan.steps import epochs_touched
from trainspec.training import data
from trainspec.training.callbacks.progress import passing_bar, progress_wanted
from trainspec.training.checkpoint.contents import Contents, unpack
from trainspec.training.checkpoint.ranks.layout import is_dealt_anew
from trainspec.training.checkpoint.ranks.reading import read_once
from trainspec.training.checkpoint.states.fitting import (
    of_each_group,
    refuse_other_optimizer,
    refuse_other_schedule,
    with_options_of,
)
from trainspec.training.foreign.checkpoint import is_of_others
from trainspec.training.foreign.optimizer_state import as_numbered_here, regroup_as_named
from trainspec.training.foreign.schedule_state import as_here
from trainspec.training.optimizers import safe_types
from trainspec.training.optimizers.behaviour import announce_length, training_mode
from trainspec.training.optimizers.coverage import find_strange_schedule, find_untrained, find_used_schedule
from trainspec.training.parallel import Agreement, State
from trainspec.training.preflight.preflight import PreflightError, check
from trainspec.training.run.measuring.tokens import TokenCounter
from trainspec.training.run.parts import Training
from trainspec.training.run.resuming.best import find_best
from trainspec.training.run.resuming.continuing import (
    other_data,
    saved_place,
    starting_position,
    updates_done,
    updates_in_all,
)
from trainspec.training.run.resuming.first_rows import first_rows
from trainspec.training.run.resuming.overruling import Steps, resuming
from trainspec.training.run.resuming.pieces import optimizer_to_load, without_values
from trainspec.training.run.running_loss import RunningLoss
from trainspec.training.run.saving.keeper import CheckpointKeeper
from trainspec.training.schedules.plateau import find_deaf_schedule
from trainspec.training.state import TrainerState
from trainspec.training.trackers import TrackerGroup, build_trackers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.optim import Optimizer

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.data.position import DataPosition
    from trainspec.training.face import TrainerFace
    from trainspec.training.parallel import Processes

logger = logging.getLogger(__name__)


def build(trainer: TrainerFace, checkpoint: Checkpoint | None, line: Processes | None = None) -> Training:
    """What a run needs that starts at the beginning, or where the checkpoint was written; the rest is in its parts.

    `line` is what threads of its processes that save speak through.
    """
    args, parts = trainer.args, trainer.parts
    contents = None if checkpoint is None else _loaded(trainer, checkpoint)
    loader = trainer.get_train_dataloader()
    sharing = data.sharing_of(args, parts.strategy)
    cut = cut_training_epoch(args, loader, sharing)
    rows = _first_rows(loader, sharing)
    position = starting_position(args, loader, checkpoint, contents, rows)
    walk = _begun_walk(trainer, loader, position, sharing, checkpoint)
    parts.state = _state(position, contents)
    parts.state.first_rows = rows
    if cut.updates is not None or walk is None:
        # Of data without a length it is known as it was counted.
        parts.state.updates_in_epoch = updates_done(args, cut, walk, position.length, sharing)
    _plan(parts.state, args, cut)
    if checkpoint is not None:
        find_best(args, parts.state, parts.output(args), checkpoint, parts.strategy.processes)
        trainer.call_hook("compare_trainer_and_checkpoint_args", args, parts.state)
    optimizer = _with_schedule(trainer, parts.state.max_steps, begins=checkpoint is None)
    parts.trackers.finish()
    parts.trackers = build_trackers(args) if parts.strategy.processes.is_main else TrackerGroup([])
    training = Training(
        loader=loader,
        agreement=Agreement(parts.strategy.processes),
        position=position,
        walk=walk,
        cadence=Cadence.of(args, parts.state.max_steps, cut.updates),
        running_loss=RunningLoss(
            parts.device, args.logging_nan_inf_filter, copies=args.torch_compile, total=parts.strategy.total_loss
        ),
        keeper=CheckpointKeeper(
            args,
            parts.output(args),
            replaces_old_run=args.overwrite_output_dir and checkpoint is None,
            resumed_from=checkpoint,
            branch=parts.branch,
            processes=parts.strategy.processes,
            line=line,
            locked=parts.locked,
        ),
        tokens=TokenCounter(args, parts.model, trainer.processing_class, parts.label_names),
        parameters=[value for value in parts.model_wrapped.parameters() if value.requires_grad],
        resumed_from=checkpoint,
    )
    if checkpoint is not None and contents is not None:
        trainer.restore_steppers(checkpoint, contents)
        if parts.state.running_loss:
            training.running_loss.load_state_dict(parts.state.running_loss)
    training_mode(optimizer)
    return training


def _loaded(trainer: TrainerFace, checkpoint: Checkpoint) -> Contents:
    """What is in a checkpoint but its weights, which are the model's now."""
    args, strategy = trainer.args, trainer.parts.strategy
    known = () if trainer.given[0] is not None else safe_types(args.optim)
    once = read_once(checkpoint, strategy.processes)
    anew = not is_of_others(checkpoint) and is_dealt_anew(checkpoint, strategy)
    rank = strategy.processes.rank
    contents = unpack(once, with_model=False, with_optimizer=not anew, safe_types=known, rank=rank)
    trainer.load_checkpoint_weights(checkpoint)
    return contents


def _first_rows(loader: Any, sharing: data.Sharing) -> dict[str, str]:
    """What tells other data from this. Where the main process reads for all, the others may have none."""
    reads = not sharing.dispatches or sharing.processes.is_main
    rows = first_rows(getattr(loader, "dataset", None)) if reads else {}
    return dict(sharing.processes.broadcast(rows)) if sharing.dispatches else rows


def _begun_walk(
    trainer: TrainerFace, loader: Any, position: DataPosition, sharing: data.Sharing, checkpoint: Checkpoint | None
) -> data.Walk | None:
    """Through the rest of an epoch that another run began; None where this one begins it. Raises PreflightError."""
    if not position.rows or checkpoint is None:
        return None
    args, processes = trainer.args, trainer.parts.strategy.processes
    place = saved_place(checkpoint, processes.rank)
    # What loading the rows before draws is drawn before random states are restored.
    wanted = processes.is_main and progress_wanted(args)
    try:
        with passing_bar(position.rows, wanted=wanted) as told:
            return data.batches_at(loader, position, sharing, told, place)
    except data.OtherDataError as error:
        raise PreflightError([other_data(args, error.reason)]) from error


def _with_schedule(trainer: TrainerFace, total: int, *, begins: bool) -> Optimizer:
    """The optimizer of this run, given or new, its schedule beside it; number formats start anew."""
    parts = trainer.parts
    parts.precision.restart()
    parts.optimizer, parts.schedule = trainer.given
    trainer.create_optimizer_and_scheduler(total)
    optimizer, schedule = parts.stepping()
    check(_stepping_faults(trainer, begins=begins))
    announce_length(optimizer, trainer.args, total)
    parts.strategy.announce_length(total)
    parts.optimizer, parts.schedule = parts.strategy.attach(optimizer, schedule)
    return parts.optimizer


def _stepping_faults(trainer: TrainerFace, *, begins: bool) -> Iterator[Diagnostic]:
    """What is wrong with an optimizer and a schedule that settings did not make; preflight has seen a given pair."""
    args, (given, given_schedule) = trainer.args, trainer.given
    optimizer, schedule = trainer.parts.stepping()
    if begins and given_schedule is not None:
        yield from find_used_schedule(args, given_schedule)
    if given is None and given_schedule is not None:
        yield from find_strange_schedule(args, optimizer, given_schedule)
    if not trainer.makes_its_own_steps():
        return
    if optimizer is not given:
        yield from find_untrained(args, trainer.parts.model, optimizer)
    if schedule is not given_schedule:
        yield from find_strange_schedule(args, optimizer, schedule)
        if args.lr_scheduler_type != "reduce_lr_on_plateau":
            yield from find_deaf_schedule(args, schedule)


def cut_training_epoch(args: TrainingArguments, loader: Any, sharing: data.Sharing | None = None) -> Batches:
    """An epoch that processes share as plan cuts it; a loader that somebody else built is asked for its own length."""
    sharing = sharing or data.Sharing()
    size, accumulation = args.per_device_train_batch_size, args.gradient_accumulation_steps
    size = getattr(loader, "batch_size", None) or size
    rows, shares = data.epoch_lengths(loader)[0], sharing.size
    if rows is not None and isinstance(getattr(loader, "sampler", None), data.EpochSampler):
        return cut_epoch(
            rows - (data.uneven_rows(rows, size, shares) if sharing.drops else 0),
            per_device_batch_size=size,
            accumulation_steps=accumulation,
            world_size=shares,
            drop_last=args.dataloader_drop_last,
        )
    micro_batches = data.batches_in_epoch(loader, sharing)
    updates = None if micro_batches is None else updates_per_epoch(micro_batches, accumulation)
    return Batches(size * shares, size * accumulation * shares, micro_batches, updates, dropped_rows=0)


def _state(position: DataPosition, contents: Contents | None) -> TrainerState:
    state = TrainerState() if contents is None else TrainerState.from_dict(dict(contents.trainer_state))
    state.epoch_index, state.rows_in_epoch = position.epoch, position.rows
    return state


def _plan(state: TrainerState, args: TrainingArguments, cut: Batches) -> None:
    """How long the run is, and what happens how often, from where it is now."""
    total = updates_in_all(args, cut, state)
    if total < state.global_step:
        said = "nothing is left to train: the checkpoint is of update %d, and the run ends at %d"
        logger.warning(said, state.global_step, total)
    state.max_steps = total = max(total, state.global_step)
    state.updates_per_epoch = cut.updates
    state.num_train_epochs = epochs_touched(total, cut.updates) or 0
    state.train_batch_size = args.per_device_train_batch_size
    cadence = Cadence.of(args, total, cut.updates)
    state.logging_steps, state.eval_steps, state.save_steps = (
        cadence.logging_every,
        cadence.eval_every,
        cadence.save_every,
    )


def restore_steppers(trainer: TrainerFace, checkpoint: Checkpoint, contents: Contents) -> None:
    """The optimizer and its schedule as they were saved. Raises PreflightError where the checkpoint's are others.

    Random states are not restored here: making the first batches may still draw from them.
    """
    parts, given = trainer.parts, trainer.given
    optimizer, schedule = parts.stepping()
    if is_of_others(checkpoint):
        theirs = as_numbered_here(contents.optimizer or {}, optimizer, parts.model)
        parts.strategy.load_state(State(optimizer=theirs))
        schedule.load_state_dict(dict(as_here(contents.scheduler or {}, schedule, optimizer)))
        return
    own = trainer.makes_its_own_steps()
    steps = Steps(optimizer, schedule, own or given[0] is not None, own or given[1] is not None)
    with optimizer_to_load(trainer, checkpoint, contents.optimizer) as (state, is_whole):
        # As those of a run that transformers had begun, which shares out parameters in another way.
        regroup_as_named(optimizer, state, parts.model)
        with resuming(trainer.args, replace(contents, optimizer=state), steps) as told:
            refuse_other_optimizer(without_values(state), optimizer, parts.model, whole=is_whole)
            refuse_other_schedule(contents.scheduler or {}, schedule, state)
            parts.strategy.load_state(State(optimizer=with_options_of(state, optimizer)))
            schedule.load_state_dict(of_each_group(contents.scheduler or {}, optimizer))
    check(told)
