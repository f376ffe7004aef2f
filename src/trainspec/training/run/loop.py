"""The order of things; callbacks/base.py draws it with the events.

evaluate on start
for every epoch:
    for every window of micro-batches:
        forward and backward for each, one update
        log, evaluate, save where a callback asked for it
    log, evaluate, save where a callback asked for it
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from trainspec.plan.events import evaluates_on_start
from trainspec.training import interruption
from trainspec.training.callbacks.states import export_states
from trainspec.training.data import batches_at, data_seed, position_in
from trainspec.training.errors import NoBatchesError, NonFiniteError
from trainspec.training.evaluation import best
from trainspec.training.loss.items import items_of
from trainspec.training.model.inside import shifts_labels, takes_item_count
from trainspec.training.model.outputs import count_rows
from trainspec.training.model.signatures import supported, takes
from trainspec.training.optimizers.behaviour import clear_gradients, learning_rate, note_losses, saving
from trainspec.training.parallel import AfterEpoch, AfterUpdate, BeforeUpdate, Onward
from trainspec.training.run.batch_size import is_out_of_memory
from trainspec.training.run.memory import empty_cache
from trainspec.training.run.others.steps import OwnSteps, as_norm
from trainspec.training.run.others.windows import items_as_told, own_windows
from trainspec.training.schedules import after_evaluation, after_update

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.face import TrainerFace
    from trainspec.training.run.parts import Training

Window = list[Any]


class TrainingLoop:
    """Goes through the public methods of the Trainer, so that overriding one has its effect."""

    def __init__(self, trainer: TrainerFace, training: Training, ignore_keys_for_eval: list[str] | None = None) -> None:
        self._trainer = trainer
        self._args = trainer.args
        self._parts = parts = trainer.parts
        parts.loop = self
        self._training = training
        self._state = parts.state
        self._resumed = training.resumed_from
        self._ignored = ignore_keys_for_eval
        self._accumulation = self._args.gradient_accumulation_steps
        self._cache_every = self._args.torch_empty_cache_steps
        self._train_loss: float | None = None
        self._logged_at = self._evaluated_at = self._saved_at = -1
        self._acts = 0
        # One of each, for an update must not pay for making them.
        self._before, self._after, self._onward = BeforeUpdate(), AfterUpdate(), Onward()
        self._shifted = shifts_labels(parts.model)
        self._counts_items = self._accumulation > 1 or trainer.counts_items() or takes_item_count(parts.model)
        self._operations = trainer.operations_counter()
        self._step_takes_items = takes(trainer.training_step, "num_items_in_batch")
        # Looked up once: these are asked several times an update.
        self._fire, self._agree = trainer.fire, training.agreement.agree
        self._own = OwnSteps.of(trainer)
        self._unannounced: Checkpoint | None = None

    def run(self) -> None:
        trainer, parts, state = self._trainer, self._parts, self._state
        if self._resumed is None and evaluates_on_start(self._training.cadence):
            trainer.call_hook("_evaluate", parts.trial, self._ignored, True)
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
        take = own_windows(self._trainer, source, size) if self._own.windows else lambda: list(islice(source, size))
        window = take()
        if not window and begins:
            raise NoBatchesError("an epoch of the training data gave no batch; is the data set used up or empty?")
        while window:
            # Only data without a length must be asked for more before one knows that it has ended.
            following = take() if state.updates_per_epoch is None else None
            yield window, following == []
            window = take() if following is None else following

    def _restore_random_state(self) -> None:
        if self._resumed is not None:
            self._trainer.restore_rng(self._resumed)
            self._resumed = None

    def _step(self, window: Window, ends_epoch: bool) -> None:
        self._parts.control.new_step()
        self._fire("on_step_begin")
        loss, norm = self._update(window)
        self._count(window, ends_epoch)
        self._agree_on("on_step_end", self._after, self._state.global_step, loss=loss, grad_norm=norm)
        self._act()

    def _update(self, window: Window) -> tuple[Tensor, Tensor]:
        strategy, training = self._parts.strategy, self._training
        optimizer, schedule = self._parts.stepping()
        own = self._own
        self._rate = learning_rate(optimizer) if own.rate is None else own.rate()
        loss = training.running_loss.add(self._mean_loss(window))
        if own.clip is None:
            self._norm = strategy.clip(training.parameters, self._args.max_grad_norm)
        else:
            self._norm = as_norm(own.clip(self._parts.model_wrapped), training.parameters)
        self._fire("on_pre_optimizer_step")
        stepped = strategy.step()
        self._fire("on_optimizer_step")
        if stepped:
            after_update(schedule)
        clear_gradients(optimizer)
        return loss, self._norm

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
            interruption.end()
        control.should_log, control.should_evaluate, control.should_save = flags.log, flags.evaluate, flags.save
        control.should_epoch_stop, control.should_training_stop = flags.stop_epoch, flags.stop

    def _gradients(self, window: Window) -> Tensor:
        """Sum up the gradients of a window as if it were one batch; returns its mean loss.

        Every micro-batch's mean loss counts by its items: the weighted sum is the mean over the whole window, also
        where label counts differ, in a short last window, and where a micro-batch has no item.
        """
        parts, last = self._parts, len(window) - 1
        parts.window_size = last + 1
        items = items_of(window, parts.label_names, shifted=self._shifted) if self._counts_items else None
        if items is not None and self._own.windows:
            items = items_as_told(items, getattr(window, "items", None))
        total: Tensor | None = None
        for number, batch in enumerate(window):
            if number:
                self._fire("on_substep_end")
            parts.items = items[number] if items is not None else None
            loss = self._micro_batch(batch, last=number == last)
            total = loss if total is None else total + loss
        parts.items = None
        assert total is not None, "a window has a micro-batch"
        return total

    def _micro_batch(self, batch: Any, *, last: bool) -> Tensor:
        trainer, parts = self._trainer, self._parts
        with parts.strategy.accumulating(parts.model_wrapped, last=last):
            if parts.items is None or not self._step_takes_items:
                return trainer.training_step(parts.model_wrapped, batch)
            return trainer.training_step(parts.model_wrapped, batch, parts.items.total)

    def _count(self, window: Window, ends_epoch: bool) -> None:
        training, state = self._training, self._state
        state.global_step += 1
        state.rows_in_epoch = self._walk.advance(getattr(window, "taken", window) if self._own.windows else window)
        state.updates_in_epoch += 1
        for batch in window:
            training.rows_seen += count_rows(batch)
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
        parts = self._parts
        if self._own.acts is None:
            self.log_evaluate_save()
        else:
            self._act_by_others()
        control, self._acts = parts.control, self._acts + 1
        onward = self._onward
        onward.stop_epoch, onward.stop = control.should_epoch_stop, control.should_training_stop
        self._agree(onward, self._acts)
        control.should_epoch_stop, control.should_training_stop = onward.stop_epoch, onward.stop

    def _act_by_others(self) -> None:
        trainer, parts, state = self._trainer, self._parts, self._state
        running, control = self._training.running_loss, parts.control
        with running.open_to_others(lambda: trainer._globalstep_last_logged) as loss:
            run = parts.trial, state.epoch_index, self._ignored, self._training.began, self._rate
            trainer.call_hook("_maybe_log_save_evaluate", loss, self._norm, parts.model_wrapped, *run)
        self._announce()
        # What they did is done: at the end of an epoch they are asked once more.
        control.should_log = control.should_evaluate = control.should_save = False

    def log_evaluate_save(self) -> None:
        """The Trainer's `_maybe_log_save_evaluate`."""
        parts, step, trainer = self._parts, self._state.global_step, self._trainer
        if parts.control.should_log and self._logged_at != step:
            self._logged_at = step
            self._log()
        if parts.control.should_evaluate and self._evaluated_at != step:
            self._evaluated_at = step
            metrics = trainer.call_hook("_evaluate", parts.trial, self._ignored)
            is_best = trainer.call_hook("_determine_best_metric", metrics, parts.trial)
            if is_best and self._args.save_strategy == "best":
                parts.control.should_save = True
        if parts.control.should_save and self._saved_at != step:
            self._saved_at = step
            trainer.call_hook("_save_checkpoint", parts.model_wrapped, parts.trial)
            trainer.fire("on_save")
            self._announce()

    def _log(self) -> None:
        loss, norm = self._training.running_loss.take(), self._norm.item()
        entry = {"loss": loss, "grad_norm": norm, "learning_rate": self._rate}
        scale = self._parts.precision.loss_scale()
        if scale is not None:
            entry["loss_scale"] = scale
        self._train_loss = loss
        self._trainer._globalstep_last_logged = self._state.global_step
        self._trainer._total_loss_scalar = self._training.running_loss.logged()
        self._trainer.call_hook("store_flos")
        self._trainer.log(entry)

    def evaluate(self, ignored: list[str] | None, *, skip_scheduler: bool) -> dict[str, float]:
        """The Trainer's `_evaluate`: the schedule, a search and the optimizer are told what they want to know of it."""
        trainer = self._trainer
        metrics = trainer.evaluate(**supported(trainer.evaluate, ignore_keys=ignored))
        self._training.agreement.same(sorted(metrics), "what evaluation returned")
        trainer.call_hook("_report_to_hp_search", self._parts.trial, self._state.global_step, metrics)
        optimizer, schedule = self._parts.stepping()
        note_losses(optimizer, train_loss=self._train_loss, eval_loss=metrics.get("eval_loss"))
        value = best.chosen_metric(self._args, metrics)
        if value is not None and not skip_scheduler:
            after_evaluation(schedule, value)
        return metrics

    def is_best(self, metrics: dict[str, float]) -> bool:
        """The Trainer's `_determine_best_metric`: whether this evaluation was the best so far."""
        value = best.chosen_metric(self._args, metrics)
        # What the run started from has no checkpoint, so it cannot be the best.
        return value is not None and self._state.global_step > 0 and best.note(self._args, self._state, value)

    def save(self) -> None:
        """The Trainer's `_save_checkpoint`. Within `saving_by_others` the checkpoint is whole at the end of that."""
        parts, trainer = self._parts, self._trainer
        parts.state.running_loss = self._training.running_loss.state_dict()
        export_states((parts.control, *trainer.callback_handler.callbacks), parts.state)
        with saving(parts.optimizer):
            keeper, own = self._training.keeper, trainer.own_files()
            saved = keeper.save(parts, trainer.saved_processing(), self._position(), own)
        self._unannounced = self._unannounced if saved is None else saved

    @contextmanager
    def saving_by_others(self) -> Iterator[None]:
        """Around an override of `_save_checkpoint`: all that it leaves in the folder belongs to the checkpoint."""
        keeper, parts = self._training.keeper, self._parts
        keeper.begin(parts.state)
        try:
            yield
        except BaseException:
            keeper.abandon()
            raise
        saved = keeper.end(parts, self._position())
        self._unannounced = self._unannounced if saved is None else saved

    def _announce(self) -> None:
        checkpoint, self._unannounced = self._unannounced, None
        if checkpoint is not None:
            self._trainer.after_save(checkpoint)
            self._parts.trackers.refresh()

    def rest(self) -> None:
        """The run is over: workers that load for it may go."""
        vars(self).pop("_walk", None)

    @property
    def folder_for_own_files(self) -> str | None:
        return self._training.keeper.folder_for_own_files

    def _position(self) -> dict[str, Any]:
        """Of the next window, for whoever goes on from here."""
        return replace(self._training.position, rows=self._state.rows_in_epoch, batches=None).to_dict()
