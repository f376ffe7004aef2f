"""One call of Trainer.train: from the parts of a run to its closing numbers."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from trainspec.settings.values.choices import HubStrategy
from trainspec.storage import open_store
from trainspec.training.callbacks.states import restore_states
from trainspec.training.checkpoint.resume import load_best
from trainspec.training.optimizers.behaviour import evaluation_mode
from trainspec.training.results import TrainOutput, speed_metrics
from trainspec.training.run import seeding
from trainspec.training.run.batch_size import find_executable_batch_size
from trainspec.training.run.build import wire
from trainspec.training.run.loop import TrainingLoop
from trainspec.training.run.model import ready_for_training
from trainspec.training.trackers.facts import run_facts

if TYPE_CHECKING:
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.run.parts import RunParts
    from trainspec.training.trainer import Trainer

logger = logging.getLogger(__name__)


def train_once(trainer: Trainer, checkpoint: Checkpoint | None, ignored: list[str] | None) -> TrainOutput:
    """Train, with auto_find_batch_size as often as the memory asks for it."""
    if not trainer.args.auto_find_batch_size:
        return _train(trainer, checkpoint, ignored)
    args = trainer.args
    # A run that broke off has changed the weights; the next one must start where it did.
    start = {name: value.detach().cpu().clone() for name, value in trainer.model.state_dict().items()}

    def attempt(batch_size: int) -> TrainOutput:
        if batch_size != args.per_device_train_batch_size:
            logger.warning("out of memory: training starts again with per_device_train_batch_size %d", batch_size)
            trainer.args = args.replace(per_device_train_batch_size=batch_size)
            trainer.model.load_state_dict(start)
            seeding.prepare(args.seed, args.full_determinism)
            trainer.optimizer, trainer.lr_scheduler = trainer.given
        return _train(trainer, checkpoint, ignored)

    try:
        output: TrainOutput = find_executable_batch_size(
            attempt, starting_batch_size=args.per_device_train_batch_size, auto_find_batch_size=True
        )()
    finally:
        trainer.args = args
    logger.info("per_device_train_batch_size %d fits into memory", trainer.state.train_batch_size)
    return output


def _train(trainer: Trainer, checkpoint: Checkpoint | None, ignored: list[str] | None) -> TrainOutput:
    trainer.memory.start("train")
    with ready_for_training(trainer):
        began = time.perf_counter()
        parts = wire(trainer, checkpoint)
        first_step = trainer.state.global_step
        _begin(trainer, parts)
        failed = True
        try:
            _fire(trainer, "on_train_begin")
            TrainingLoop(trainer, parts, ignored).run()
            evaluation_mode(parts.optimizer)
            load_best(trainer.args, trainer.state, trainer.model)
            metrics = _closing_metrics(trainer, parts, time.perf_counter() - began, first_step)
            trainer.memory.stop("train", metrics)
            trainer.log(metrics)
            failed = False
        finally:
            _end(trainer, parts, failed=failed)
    return TrainOutput(trainer.state.global_step, metrics["train_loss"], metrics)


def _fire(trainer: Trainer, event: str) -> None:
    trainer.control = trainer.callback_handler.call_event(event, trainer.args, trainer.state, trainer.control)


def _begin(trainer: Trainer, parts: RunParts) -> None:
    handler = trainer.callback_handler
    handler.model = trainer.model
    handler.optimizer, handler.lr_scheduler = parts.optimizer, parts.schedule
    handler.train_dataloader = parts.loader
    handler.listen()
    if parts.resumed_from is not None and trainer.args.restore_callback_states_from_checkpoint:
        restore_states(handler.callbacks, trainer.state)
    trainer.control.new_training()
    trainer.trackers.finish()
    trainer.trackers, trainer.is_in_train = parts.trackers, True
    facts = run_facts(trainer.args, trainer.model, open_store(trainer.args.output_dir))
    parts.trackers.start(facts, trainer.state.log_history)
    parts.model.train()


def _end(trainer: Trainer, parts: RunParts, *, failed: bool) -> None:
    trainer.is_in_train = False
    if failed:
        trainer.memory.abandon()
        trainer.callback_handler.abandon()
        parts.trackers.finish(failed=True)
        return
    _fire(trainer, "on_train_end")
    parts.trackers.flush()
    if trainer.args.push_to_hub and trainer.args.hub_strategy == HubStrategy.END:
        trainer.push_to_hub()
    trainer.finish_pushes()


def _closing_metrics(trainer: Trainer, parts: RunParts, seconds: float, first_step: int) -> dict[str, Any]:
    state = trainer.state
    metrics = speed_metrics(
        seconds,
        samples=parts.rows_seen,
        steps=state.global_step - first_step,
        tokens=parts.tokens_seen if trainer.args.include_tokens_per_second else 0,
    )
    named = {f"train_{name}": value for name, value in metrics.items()}
    return {**named, "total_flos": state.total_flos, "train_loss": parts.losses.overall()}
