"""From settings, data and perhaps a checkpoint to the parts of a run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from trainspec.plan.batches import Batches, cut_epoch, updates_per_epoch
from trainspec.plan.events import Cadence
from trainspec.plan.steps import epochs_touched
from trainspec.text.redaction import redact_whole_url
from trainspec.training import data
from trainspec.training.checkpoint.contents import Contents, unpack
from trainspec.training.checkpoint.load import folder_name
from trainspec.training.optimizers import safe_types
from trainspec.training.optimizers.behaviour import announce_length, training_mode
from trainspec.training.parallel import Agreement, State
from trainspec.training.run.continuing import starting_position, updates_done, updates_in_all
from trainspec.training.run.keeper import CheckpointKeeper
from trainspec.training.run.parts import RunParts, Training
from trainspec.training.run.running_loss import RunningLoss
from trainspec.training.run.tokens import TokenCounter
from trainspec.training.state import TrainerState
from trainspec.training.trackers import TrackerGroup, build_trackers

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.storage import Store
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.data.position import DataPosition
    from trainspec.training.face import TrainerFace


logger = logging.getLogger(__name__)


def build(trainer: TrainerFace, checkpoint: Checkpoint | None) -> Training:
    """What a run needs that starts at the beginning, or where the checkpoint was written; the rest is in its parts."""
    args, parts = trainer.args, trainer.parts
    contents = None
    if checkpoint is not None:
        known = () if trainer.given[0] is not None else safe_types(args.optim)
        contents = unpack(checkpoint, with_model=False, safe_types=known)
        trainer.load_checkpoint_weights(checkpoint)
    loader = trainer.get_train_dataloader()
    cut = cut_training_epoch(args, loader)
    position = starting_position(args, loader, checkpoint, contents)
    # What loading the rows before draws is drawn before random states are restored.
    walk = data.batches_at(loader, position) if position.rows else None
    parts.state = _state(position, contents)
    parts.state.updates_in_epoch = updates_done(args, cut, walk, position.length)
    _plan(parts.state, args, cut)
    _find_best(parts.state, parts.output(args))
    if checkpoint is not None:
        trainer.call_hook("compare_trainer_and_checkpoint_args", args, parts.state)
    optimizer = _with_schedule(trainer, parts.state.max_steps)
    parts.trackers.finish()
    parts.trackers = build_trackers(args) if parts.strategy.processes.is_main else TrackerGroup([])
    training = Training(
        loader=loader,
        agreement=Agreement(parts.strategy.processes),
        position=position,
        walk=walk,
        cadence=Cadence.of(args, parts.state.max_steps, cut.updates),
        running_loss=RunningLoss(parts.device, args.logging_nan_inf_filter, copies=args.torch_compile),
        keeper=CheckpointKeeper(
            args, parts.output(args), replaces_old_run=args.overwrite_output_dir and checkpoint is None
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


def _with_schedule(trainer: TrainerFace, total: int) -> Optimizer:
    """The optimizer of this run, given or new, its schedule beside it; number formats start anew."""
    parts = trainer.parts
    parts.precision.restart()
    parts.optimizer, parts.schedule = trainer.given
    trainer.create_optimizer_and_scheduler(total)
    optimizer, schedule = parts.stepping()
    announce_length(optimizer, trainer.args, total)
    parts.optimizer, parts.schedule = parts.strategy.attach(optimizer, schedule)
    return parts.optimizer


def cut_training_epoch(args: TrainingArguments, loader: Any) -> Batches:
    """An epoch as plan cuts it; a loader that somebody else built is asked for its own length."""
    size, accumulation = args.per_device_train_batch_size, args.gradient_accumulation_steps
    size = getattr(loader, "batch_size", None) or size
    rows, micro_batches = data.epoch_lengths(loader)
    if rows is not None and isinstance(getattr(loader, "sampler", None), data.EpochSampler):
        return cut_epoch(
            rows,
            per_device_batch_size=size,
            accumulation_steps=accumulation,
            drop_last=args.dataloader_drop_last,
        )
    updates = None if micro_batches is None else updates_per_epoch(micro_batches, accumulation)
    return Batches(size, size * accumulation, micro_batches, updates, dropped_rows=0)


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


def _find_best(state: TrainerState, output: Store) -> None:
    """The best checkpoint so far by its full URL, of which files hold no credentials."""
    if state.best_model_checkpoint is not None and state.best_global_step is not None:
        url = output.child(folder_name(state.best_global_step)).url
        if redact_whole_url(url) == state.best_model_checkpoint:
            state.best_model_checkpoint = url


def restore_steppers(parts: RunParts, contents: Contents) -> None:
    """The optimizer and its schedule as they were saved.

    Random states are not restored here: making the first batches may still draw from them.
    """
    _, schedule = parts.stepping()
    parts.strategy.load_state(State(optimizer=contents.optimizer or {}))
    schedule.load_state_dict(dict(contents.scheduler or {}))
