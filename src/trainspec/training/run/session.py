"""One call of Trainer.train: from the parts of a run to its closing numbers."""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from trainspec.storage import hurrying
from trainspec.training import interruption
from trainspec.training.callbacks.states import restore_states
from trainspec.training.checkpoint.contents import TRAINER_STATE
from trainspec.training.evaluation.results import TrainOutput, speed_metrics
from trainspec.training.interruption import Terminated, noting
from trainspec.training.optimizers.behaviour import evaluation_mode
from trainspec.training.parallel.contact.ending import explained
from trainspec.training.parallel.contact.roll_call import is_of_others
from trainspec.training.run.batch_size import find_executable_batch_size
from trainspec.training.run.build import build
from trainspec.training.run.loop import TrainingLoop
from trainspec.training.run.model import ready_for_training
from trainspec.training.run.opening import announce
from trainspec.training.run.others.saving import checkpoints_by_others
from trainspec.training.run.resuming.rescue import rescue
from trainspec.training.run.saving.grace import compare_last_save
from trainspec.training.run.seeding import seed_for_training
from trainspec.training.state import parse_state
from trainspec.training.trackers.facts import run_facts

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.face import TrainerFace
    from trainspec.training.run.parts import Training

logger = logging.getLogger(__name__)


def train_as_often(trainer: TrainerFace, checkpoint: Checkpoint | None, ignored: list[str] | None) -> TrainOutput:
    """Train, with auto_find_batch_size as often as the memory asks for it."""
    if not trainer.args.auto_find_batch_size:
        return trainer.train_once(checkpoint, ignored)
    args, model = trainer.args, trainer.parts.model
    first = _first_batch_size(args, checkpoint)
    # A run that broke off has changed the weights; the next one must start where it did.
    start = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}

    def attempt(batch_size: int) -> TrainOutput:
        if batch_size != args.per_device_train_batch_size:
            said = _GOES_ON if batch_size == first else "out of memory: training starts again with"
            logger.warning("%s per_device_train_batch_size %d", said, batch_size)
            trainer.args = args.replace(per_device_train_batch_size=batch_size)
            model.load_state_dict(start)
            # Those of the micro-batches that there was room for.
            model.zero_grad(set_to_none=True)
        return trainer.train_once(checkpoint, ignored)

    try:
        output: TrainOutput = find_executable_batch_size(
            attempt, starting_batch_size=first, auto_find_batch_size=True
        )()
    finally:
        trainer.args = args
    logger.info("per_device_train_batch_size %d fits into memory", trainer.parts.state.train_batch_size)
    return output


_GOES_ON = "auto_find_batch_size: the run goes on with what it had found to fit into memory,"


def _first_batch_size(args: TrainingArguments, checkpoint: Checkpoint | None) -> int:
    """The settings', or the smaller one that the run of the checkpoint had come to."""
    wanted = args.per_device_train_batch_size
    if checkpoint is None:
        return wanted
    found = parse_state(checkpoint.read(TRAINER_STATE)).get("train_batch_size")
    return found if isinstance(found, int) and 0 < found < wanted else wanted


def train_once(trainer: TrainerFace, checkpoint: Checkpoint | None, ignored: list[str] | None) -> TrainOutput:
    """One run from its beginning, or from a checkpoint on, to its end."""
    parts, args = trainer.parts, trainer.args
    parts.memory.start("train")
    seed_for_training(args, parts.strategy.random_rank)
    parts.strategy.goes_on({} if checkpoint is None else checkpoint.manifest.layout)
    noted = noting() if args.enable_jit_checkpoint else nullcontext()
    processes = parts.strategy.processes
    # Threads that save must not get between what the processes say to each other in training.
    line = processes.beside() if args.save_in_background else nullcontext(processes)
    with ready_for_training(parts, args), checkpoints_by_others(trainer), noted, line as beside:
        if trainer.overrides("_wrap_model"):
            parts.model_wrapped = trainer.call_hook("_wrap_model", parts.model_wrapped, True)
        began = time.perf_counter()
        training = build(trainer, checkpoint, beside)
        first_step = parts.state.global_step
        _begin(trainer, training)
        loop, last, parts.holds_best = None, True, False
        try:
            trainer.fire("on_train_begin")
            loop = TrainingLoop(trainer, training, ignored)
            loop.run()
            evaluation_mode(parts.stepping()[0])
            if args.load_best_model_at_end and parts.state.best_global_step is not None:
                loaded = trainer.call_hook("_load_best_model")
                # What an override has loaded, nobody knows.
                last = not (loaded or trainer.overrides("_load_best_model"))
                parts.holds_best = not last
            metrics = _closing_metrics(trainer, training, time.perf_counter() - began, first_step)
            parts.memory.stop("train", metrics)
            trainer.log(metrics)
            _end(trainer)
        except BaseException as error:
            interruption.is_met()
            if isinstance(error, Terminated) and args.preemption_exit_code is not None:
                error.code = args.preemption_exit_code
            if loop is not None:
                with hurrying() if isinstance(error, KeyboardInterrupt | Terminated) else nullcontext():
                    rescue(trainer, training, loop, error, first_step, last=last)
            _abandon(trainer)
            if isinstance(error, Exception) and is_of_others(error):
                raise explained(error) from error
            raise
    return TrainOutput(parts.state.global_step, metrics["train_loss"], metrics)


def _begin(trainer: TrainerFace, training: Training) -> None:
    parts, handler = trainer.parts, trainer.callback_handler
    handler.model = parts.model
    handler.optimizer, handler.lr_scheduler = parts.optimizer, parts.schedule
    handler.train_dataloader = training.loader
    handler.listen()
    if training.resumed_from is not None:
        as_made = trainer.args.restore_callback_states_from_checkpoint
        restore_states(handler.callbacks, parts.state, as_made=as_made)
    parts.control.new_training()
    parts.is_in_train = True
    trainer.begin_counting(training.running_loss)
    parts.trackers.start(run_facts(trainer.args, parts.model, parts.output(trainer.args)), parts.state.log_history)
    parts.model_wrapped.train()
    announce(trainer.args, parts, training)
    compare_last_save(trainer.args, parts, training.resumed_from)


def _end(trainer: TrainerFace) -> None:
    parts = trainer.parts
    parts.is_in_train, parts.items, parts.own_step = False, None, None
    if parts.loop is not None:
        parts.loop.rest()
    trainer.fire("on_train_end")
    parts.trackers.flush()
    trainer.after_training()


def _abandon(trainer: TrainerFace) -> None:
    parts = trainer.parts
    parts.is_in_train, parts.items, parts.own_step = False, None, None
    parts.memory.abandon()
    trainer.callback_handler.abandon()
    parts.trackers.finish(failed=True)


def _closing_metrics(trainer: TrainerFace, training: Training, seconds: float, first_step: int) -> dict[str, Any]:
    state = trainer.parts.state
    metrics = speed_metrics(
        seconds,
        samples=training.rows_seen,
        steps=state.global_step - first_step,
        tokens=training.tokens_seen if trainer.args.include_tokens_per_second else 0,
    )
    uneven: dict[str, Any] = {} if trainer.parts.loop is None else dict(trainer.parts.loop.uneven_rows())
    named = {f"train_{name}": value for name, value in (metrics | uneven).items()}
    loss = trainer.mean_loss(training.running_loss)
    return {**named, "total_flos": state.total_flos, "train_loss": loss}
