"""The order of things; callbacks/base.py draws it with the events.

evaluate on start
for every epoch:
    for every window of micro-batches:
        forward and backward for each, one update
        log, evaluate, save where a callback asked for it
    log, evaluate, save where a callback asked for it
"""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from trainspec.plan.events import evaluates_on_start
from trainspec.training import interruption
from trainspec.training.callbacks.states import export_states
from trainspec.training.checkpoint.rng import restore_rng, rng_file
from trainspec.training.data import batches_at, data_seed, position_in
from trainspec.training.errors import NoBatchesError, NonFiniteError
from trainspec.training.evaluation import best
from trainspec.training.loss.items import items_of
from trainspec.training.loss.own_step import OwnStep
from trainspec.training.model.counting import count_rows
from trainspec.training.model.inside import shifts_labels, takes_item_count
from trainspec.training.model.signatures import supported
from trainspec.training.optimizers.behaviour import (
    clear_gradients,
    learning_rate,
    note_losses,
    saving,
    updates_in_backward,
)
from trainspec.training.parallel import AfterEpoch, AfterUpdate, BeforeUpdate, Onward
from trainspec.training.run.batch_size import is_out_of_memory
from trainspec.training.run.memory import empty_cache
from trainspec.training.schedules import after_evaluation, after_update, follows_metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.face import TrainerFace
    from trainspec.training.run.parts import Training

logger = logging.getLogger(__name__)

Window = list[Any]

# Where the weights stand: at `global_step`, somewhere on the way to the next, or there without being counted yet.
_WHOLE, _CHANGING, _CHANGED = range(3)


class TrainingLoop:
    """Goes through the public methods of the Trainer, so that overriding one has its effect."""

    def __init__(self, trainer: TrainerFace, training: Training, ignore_keys_for_eval: list[str] | None = None) -> None:
        self._trainer = trainer
        self._args = trainer.args
        self._parts = parts = trainer.parts
        self._training = training
        self._state = parts.state
        self._resumed = training.resumed_from
        self._ignored = ignore_keys_for_eval
        self._accumulation = self._args.gradient_accumulation_steps
        self._cache_every = self._args.torch_empty_cache_steps
        self._train_loss: float | None = None
        self._logged_at = self._evaluated_at = self._saved_at = -1
        self._acts = 0
        self._weights, self._saving = _WHOLE, False
        self._done: tuple[Window, bool, bool, Tensor]
        # Entries of the log before the evaluation that is under way.
        self._evaluating_from: int | None = None
        self._updates_in_backward = updates_in_backward(parts.optimizer)
        self._ends_here = False
        # One of each, for an update must not pay for making them.
        self._before, self._after, self._onward = BeforeUpdate(), AfterUpdate(), Onward()
        self._shifted = shifts_labels(parts.model)
        self._counts_items = self._accumulation > 1 or trainer.counts_items() or takes_item_count(parts.model)
        self._operations = trainer.operations_counter()
        parts.own_step = OwnStep(trainer) if trainer.steps_itself() else None
        # Looked up once: these are asked several times an update.
        self._fire, self._agree = trainer.fire, training.agreement.agree

    def run(self) -> None:
        trainer, parts, state = self._trainer, self._parts, self._state
        if self._resumed is None and evaluates_on_start(self._training.cadence):
            self._evaluate()
        if self._resumed is not None and state.evaluation_due:
            self._evaluate_in_order()
        while not self._is_over():
            parts.control.new_epoch()
            trainer.fire("on_epoch_begin")
            parts.losses.forget()
            for window, ends_epoch in self._windows():
                self._step(window, ends_epoch)
                if parts.control.should_epoch_stop or self._is_over():
                    break
            self._agree_on("on_epoch_end", AfterEpoch(), state.epoch_index)
            # Before the last of the epoch is saved: who resumes from that has nothing of this epoch left to do.
            self._begin_epoch(state.epoch_index + 1)
            self._act()
        self._save_before_the_end()

    def _is_over(self) -> bool:
        state = self._state
        if self._parts.control.should_training_stop or state.global_step >= state.max_steps:
            return True
        # Only callbacks that cut epochs short make the epochs end before the steps do.
        return self._args.max_steps <= 0 and state.epoch_index >= math.ceil(self._args.num_train_epochs)

    def _begin_epoch(self, number: int) -> None:
        state, loader = self._state, self._training.loader
        state.epoch_index, state.rows_in_epoch, state.updates_in_epoch = number, 0, 0
        self._training.position = position_in(loader, epoch=number, rows=0, seed=data_seed(self._args))

    def _windows(self) -> Iterator[tuple[Window, bool]]:
        """The rest of the epoch as accumulation windows, each with whether the data ends with it."""
        state, size, begins = self._state, self._accumulation, not self._training.position.rows
        begun, self._training.walk = self._training.walk, None
        self._walk = batches_at(self._training.loader, self._training.position) if begun is None else begun
        state.rows_in_epoch = self._walk.row
        source = self._walk.batches
        self._restore_random_state()
        window = list(islice(source, size))
        if not window and begins:
            raise NoBatchesError("an epoch of the training data gave no batch; is the data set used up or empty?")
        while window:
            # Only data without a length must be asked for more before one knows that it has ended.
            following = list(islice(source, size)) if state.updates_per_epoch is None else None
            yield window, following == []
            window = list(islice(source, size)) if following is None else following

    def _restore_random_state(self) -> None:
        if self._resumed is not None:
            if self._resumed.has(rng_file()):
                restore_rng(self._resumed.read(rng_file()), self._resumed.url)
            self._resumed = None

    def _step(self, window: Window, ends_epoch: bool) -> None:
        self._parts.control.new_step()
        self._fire("on_step_begin")
        loss, norm = self._update(window, ends_epoch)
        self._count(window, ends_epoch)
        self._weights = _WHOLE
        self._agree_on("on_step_end", self._after, self._state.global_step, loss=loss, grad_norm=norm)
        self._act()

    def _update(self, window: Window, ends_epoch: bool) -> tuple[Tensor, Tensor]:
        strategy, training = self._parts.strategy, self._training
        optimizer = self._parts.stepping()[0]
        self._rate = learning_rate(optimizer)
        if self._updates_in_backward:
            self._weights = _CHANGING
        loss = self._mean_loss(window)
        self._norm = strategy.clip(training.parameters, self._args.max_grad_norm)
        self._fire("on_pre_optimizer_step")
        self._weights = _CHANGING
        stepped = strategy.step()
        # Not before: what breaks off until here has left nothing of this update.
        loss = training.running_loss.add(loss)
        self._done, self._weights = (window, ends_epoch, stepped, loss), _CHANGED
        self._fire("on_optimizer_step")
        self._weights = _CHANGING
        self._after_step(stepped)
        return loss, self._norm

    def _after_step(self, stepped: bool) -> None:
        optimizer, schedule = self._parts.stepping()
        if stepped:
            after_update(schedule)
        clear_gradients(optimizer)

    def _mean_loss(self, window: Window) -> Tensor:
        """That of a window, with its gradients. Raises what says that memory is short, in every process."""
        short: Exception | None = None
        try:
            loss = self._gradients(window)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            short = error
        before = self._before
        before.out_of_memory = short is not None
        self._agree(before, self._state.global_step)
        if before.out_of_memory:
            raise short or torch.OutOfMemoryError("another process is out of memory")
        return loss

    def _agree_on(self, event: str, flags: AfterUpdate, number: int, **more: Any) -> None:
        """Tell callbacks of an event after which they ask for things; what those of any process ask for holds."""
        stopping: NonFiniteError | None = None
        try:
            self._fire(event, **more)
        except NonFiniteError as error:
            stopping = error
        control = self._parts.control
        flags.log, flags.evaluate, flags.save = control.should_log, control.should_evaluate, control.should_save
        flags.stop_epoch, flags.stop = control.should_epoch_stop, control.should_training_stop
        flags.non_finite, flags.interrupted = stopping is not None, interruption.is_noted()
        self._agree(flags, number)
        if flags.non_finite:
            raise stopping or NonFiniteError("the loss or the gradient of another process is not finite")
        if flags.interrupted:
            self._end_of_run(flags)
        control.should_log, control.should_evaluate, control.should_save = flags.log, flags.evaluate, flags.save
        control.should_epoch_stop, control.should_training_stop = flags.stop_epoch, flags.stop

    def _end_of_run(self, flags: AfterUpdate) -> None:
        """The system wants the process to end: at once, or with a checkpoint of what was trained, and nothing else."""
        if not self._args.enable_jit_checkpoint:
            interruption.end()
        self._ends_here = flags.save = True
        flags.evaluate = False

    def _save_before_the_end(self) -> None:
        """Of a signal that came after the last update the process ends once training is over."""
        if not self._args.enable_jit_checkpoint:
            return
        flags = AfterEpoch(interrupted=interruption.is_noted())
        self._agree(flags, self._state.epoch_index)
        if flags.interrupted and self._saved_at != self._state.global_step:
            self._save()

    def _gradients(self, window: Window) -> Tensor:
        """Sum up the gradients of a window as if it were one batch; returns its mean loss.

        Every micro-batch's mean loss counts by its items: the weighted sum is the mean over the whole window, also
        where label counts differ, in a short last window, and where a micro-batch has no item.
        """
        parts, last = self._parts, len(window) - 1
        items = items_of(window, parts.label_names, shifted=self._shifted) if self._counts_items else None
        total: Tensor | None = None
        for number, batch in enumerate(window):
            if number:
                self._fire("on_substep_end")
            parts.items = items[number] if items is not None else None
            loss = self._micro_batch(batch, of=last + 1, last=number == last)
            total = loss if total is None else total + loss
        parts.items = None
        assert total is not None, "a window has a micro-batch"
        return total

    def _micro_batch(self, batch: Any, *, of: int, last: bool) -> Tensor:
        trainer, parts = self._trainer, self._parts
        with parts.strategy.accumulating(parts.model_wrapped, last=last):
            if parts.own_step is None or parts.items is None:
                return trainer.training_step(parts.model_wrapped, batch)
            return parts.own_step.run(batch, parts.items, of)

    def _count(self, window: Window, ends_epoch: bool) -> None:
        training, state, names = self._training, self._state, self._parts.label_names
        state.global_step += 1
        state.rows_in_epoch = self._walk.advance(window)
        state.updates_in_epoch += 1
        for batch in window:
            training.rows_seen += count_rows(batch, names)
            state.total_flos += self._operations(batch)
        if training.tokens.is_wanted:
            tokens = sum(map(training.tokens.count, window))
            training.tokens_seen += tokens
            state.num_input_tokens_seen += tokens
        if state.updates_per_epoch:
            updates = state.epoch_index * state.updates_per_epoch + state.updates_in_epoch
            state.epoch = updates / state.updates_per_epoch
        else:
            state.epoch = float(state.epoch_index + ends_epoch)
        if self._cache_every and state.global_step % self._cache_every == 0:
            empty_cache(self._parts.device)

    def _act(self) -> None:
        """Do what callbacks asked for, each at most once after an update, and agree whether to go on."""
        parts, step = self._parts, self._state.global_step
        if parts.control.should_log and self._logged_at != step:
            self._logged_at = step
            self._log()
        evaluates = parts.control.should_evaluate and self._evaluated_at != step
        if evaluates and self._evaluate_in_order() and self._args.save_strategy == "best":
            parts.control.should_save = True
        if parts.control.should_save and self._saved_at != step:
            self._saved_at = step
            self._save()
        if self._ends_here:
            logger.warning("terminated: checkpoint-%d is saved; set resume_from_checkpoint: latest to go on", step)
            interruption.end()
        control, self._acts = parts.control, self._acts + 1
        onward = self._onward
        onward.stop_epoch, onward.stop = control.should_epoch_stop, control.should_training_stop
        self._agree(onward, self._acts)
        control.should_epoch_stop, control.should_training_stop = onward.stop_epoch, onward.stop

    def _log(self) -> None:
        loss, norm = self._training.running_loss.take(), self._norm.item()
        entry = {"loss": loss, "grad_norm": norm, "learning_rate": self._rate}
        scale = self._parts.precision.loss_scale()
        if scale is not None:
            entry["loss_scale"] = scale
        self._train_loss = loss
        self._trainer.log(entry)

    def _evaluate_in_order(self) -> bool:
        """The evaluation of this update; where it breaks off, all that it changes can be taken back."""
        state = self._state
        if self._args.save_strategy != "no":
            self._export_states()
        self._evaluated_at, self._evaluating_from = state.global_step, len(state.log_history)
        is_best = self._evaluate()
        self._evaluating_from, state.evaluation_due = None, False
        return is_best

    def _evaluate(self) -> bool:
        """Whether this evaluation was the best so far."""
        trainer = self._trainer
        metrics = trainer.evaluate(**supported(trainer.evaluate, ignore_keys=self._ignored))
        self._training.agreement.same(sorted(metrics), "what evaluation returned")
        trainer.report_to_search(metrics)
        optimizer, schedule = self._parts.stepping()
        note_losses(optimizer, train_loss=self._train_loss, eval_loss=metrics.get("eval_loss"))
        value = best.chosen_metric(self._args, metrics)
        # What the run started from has no checkpoint, so it cannot be the best.
        if self._state.global_step == 0:
            return False
        if follows_metric(schedule):
            after_evaluation(schedule, best.scheduled_metric(self._args, metrics))
        if value is None or not best.note(self._args, self._state, value):
            return False
        named = self._training.keeper.name_best(self._state)
        if named is not None:
            self._parts.trackers.best_checkpoint(named)
        return True

    def _save(self) -> None:
        self._export_states()
        self._saving = True
        checkpoint = self._write()
        self._saving = False
        self._trainer.fire("on_save")
        self._trainer.after_save(checkpoint)
        self._parts.trackers.refresh()

    def _export_states(self) -> None:
        export_states((self._parts.control, *self._trainer.callback_handler.callbacks), self._state)

    def _write(self) -> Checkpoint:
        parts = self._parts
        parts.state.running_loss = self._training.running_loss.state_dict()
        with saving(parts.optimizer):
            return self._training.keeper.save(parts, self._trainer.processing_class, self._position())

    def _position(self) -> dict[str, Any]:
        """Of the next window, for whoever goes on from here."""
        rows = self._state.rows_in_epoch
        order = self._walk.mark() if rows else None
        return replace(self._training.position, rows=rows, batches=None, order=order).to_dict()

    # After an error

    def settle(self) -> bool:
        """Count an update that is done but for that; whether the weights are then whole, and finite."""
        if self._weights == _CHANGED:
            window, ends_epoch, stepped, loss = self._done
            self._after_step(stepped)
            self._count(window, ends_epoch)
            try:
                self._fire("on_step_end", loss=loss, grad_norm=self._norm)
            except NonFiniteError:
                return False
            except Exception as error:
                # What breaks the run off came before it. The defaults are asked first of all, and so were heard.
                logger.debug("on_step_end after an error: %s", error)
            self._weights = _WHOLE
        return self._weights == _WHOLE and not self._saving

    def save_last(self) -> Checkpoint:
        """The last update as a checkpoint of what was done and of what was due. Raises what a save raises."""
        state, control = self._state, self._parts.control
        whole, cut = state.log_history, self._evaluating_from
        if cut is None:
            if control.should_log and self._logged_at != state.global_step:
                self._logged_at = state.global_step
                self._log()
            self._export_states()
            whole = state.log_history
        due = control.should_evaluate and self._evaluated_at != state.global_step
        state.evaluation_due = due or cut is not None
        state.log_history = whole[:cut]
        try:
            return self._write()
        finally:
            state.log_history, state.evaluation_due = whole, False
