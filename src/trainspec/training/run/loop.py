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
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from trainspec.plan.events import evaluates_on_start
from trainspec.training import interruption
from trainspec.training.data import batches_at, data_seed, position_in, sharing_of
from trainspec.training.data.draws import undisturbed
from trainspec.training.errors import NoBatchesError, NonFiniteError
from trainspec.training.loss.own_step import OwnStep
from trainspec.training.model.inside import shifts_labels, takes_item_count
from trainspec.training.optimizers.behaviour import (
    clear_gradients,
    learning_rate,
    updates_in_backward,
)
from trainspec.training.parallel import AfterEpoch, AfterUpdate, BeforeTheEnd, BeforeUpdate
from trainspec.training.parallel.windows import Counting
from trainspec.training.run.acting import CHANGED, CHANGING, NOTHING, WHOLE, Acting, Window
from trainspec.training.run.batch_size import is_out_of_memory
from trainspec.training.run.measuring.memory import empty_cache
from trainspec.training.run.others.steps import as_norm
from trainspec.training.run.others.windows import OwnWindow, items_as_told, own_windows
from trainspec.training.schedules import after_update

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from trainspec.training.face import TrainerFace
    from trainspec.training.run.parts import Training

logger = logging.getLogger(__name__)


class TrainingLoop(Acting):
    """Goes through the public methods of the Trainer, so that overriding one has its effect."""

    def __init__(self, trainer: TrainerFace, training: Training, ignore_keys_for_eval: list[str] | None = None) -> None:
        super().__init__(trainer, training, ignore_keys_for_eval)
        parts = self._parts
        parts.loop = self
        self._resumed = training.resumed_from
        self._accumulation = self._args.gradient_accumulation_steps
        self._cache_every = self._args.torch_empty_cache_steps
        self._updates_in_backward = updates_in_backward(parts.optimizer)
        # One of each, for an update must not pay for making them.
        self._before, self._after = BeforeUpdate(), AfterUpdate()
        # Before which update nothing is due.
        self._due = 0
        self._is_alone = training.agreement.needs_nobody
        self._sharing = sharing_of(self._args, parts.strategy)
        self._shared_windows = parts.strategy.windows(self._counting(), self._accumulation)
        self._shared_windows.goes_on(self._state.uneven_rows)
        parts.own_step = OwnStep(trainer) if trainer.steps_itself() else None

    def _counting(self) -> Counting:
        trainer, parts, tokens = self._trainer, self._parts, self._training.tokens
        return Counting(
            label_names=lambda: parts.label_names,
            operations=trainer.operations_counter(),
            tokens=tokens.count if tokens.is_wanted else None,
            shifted=shifts_labels(parts.model),
            items=self._accumulation > 1 or trainer.counts_items() or takes_item_count(parts.model),
            across=self._args.average_tokens_across_devices,
        )

    def run(self) -> None:
        trainer, parts, state = self._trainer, self._parts, self._state
        if self._resumed is not None and self._args.save_strategy != "no":
            self._training.keeper.take_over(state)
        if self._resumed is None and evaluates_on_start(self._training.cadence):
            trainer.call_hook("_evaluate", parts.trial, self._ignored, True)
        due = self._resumed is not None and state.evaluation_due
        if due or not state.rows_in_epoch or self._is_over():
            # What comes next drew from these states, be it the order of an epoch or, of a finished run, its evaluation.
            self._restore_random_state()
        if due:
            self._evaluate_in_order()
        self._agree_to_go_on()
        if state.epoch_is_open and self._is_over():
            self._open_epoch()
            if self._is_at_its_end():
                self._count_left_out()
            self._end_epoch(is_used_up=self._is_at_its_end())
        while not self._is_over():
            self._open_epoch()
            parts.losses.forget()
            is_used_up = True
            for window, ends_epoch in self._windows():
                self._step(window, ends_epoch)
                if self._stops_epoch or self._is_over():
                    is_used_up = ends_epoch or self._stops_epoch or self._is_at_its_end()
                    break
            if state.updates_per_epoch in (None, state.updates_in_epoch):
                self._shared_windows.end_epoch(self._walk)
            self._end_epoch(is_used_up=is_used_up)
        if self._is_at_its_end():
            # Of a run that went on from its own end: there is one way to say where that is.
            self._begin_epoch(state.epoch_index + 1)
        self._save_before_the_end()
        self.finish_saving()
        interruption.let_go()

    def _count_left_out(self) -> None:
        """Of an epoch whose last update another run made and saved, before it counted them."""
        with undisturbed():
            loader, position = self._training.loader, self._training.position
            self._shared_windows.end_epoch(self._training.walk or batches_at(loader, position, self._sharing))

    def _open_epoch(self) -> None:
        self._parts.control.new_epoch()
        self._stops_epoch = False
        self._trainer.fire("on_epoch_begin")
        self._state.epoch_is_open = True

    def _end_epoch(self, *, is_used_up: bool) -> None:
        state = self._state
        interruption.wait()
        self._agree_on("on_epoch_end", AfterEpoch(), state.epoch_index)
        state.epoch_is_open = False
        if is_used_up:
            # Before the last of the epoch is saved: who resumes from that has nothing of this epoch left to do. A run
            # whose updates end inside of it may be made longer, and goes on with the row after the last.
            self._begin_epoch(state.epoch_index + 1)
        self._act()

    def _is_at_its_end(self) -> bool:
        """Whether all of the data of an epoch is used up. Data without a length counts whole epochs, and no parts."""
        state = self._state
        if state.updates_per_epoch is None:
            return state.epoch > state.epoch_index
        return state.updates_in_epoch == state.updates_per_epoch

    def _is_over(self) -> bool:
        state = self._state
        if self._stops or state.global_step >= state.max_steps:
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
        if self._resumed is None:
            # What orders the rows of an epoch may draw, too.
            self._draws.begin()
        begun, self._training.walk = self._training.walk, None
        self._walk = begun or batches_at(self._training.loader, self._training.position, self._sharing)
        state.rows_in_epoch = self._walk.row
        source = self._walk.batches
        self._restore_random_state()
        taken = own_windows(self._trainer, source, size) if self._own.windows else lambda: list(islice(source, size))
        walk, agreed = self._walk, self._shared_windows.agreed

        def take() -> Window:
            interruption.wait()
            if state.updates_in_epoch:
                self._draws.begin()
            return agreed(taken(), walk, asks=self._asks())

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
        loss, norm = self._update(window, ends_epoch)
        self._count(window, ends_epoch)
        # Let go of the batches: memory that is free now is the next window's.
        self._weights, self._done = WHOLE, None
        interruption.wait()
        self._agree_on("on_step_end", self._after, self._state.global_step, loss=loss, grad_norm=norm)
        self._act()

    def _update(self, window: Window, ends_epoch: bool) -> tuple[Tensor, Tensor]:
        strategy, training = self._parts.strategy, self._training
        optimizer, own = self._parts.stepping()[0], self._own
        self._rate = learning_rate(optimizer) if own.rate is None else own.rate()
        if self._updates_in_backward:
            interruption.hold()
            self._weights = CHANGING
        loss = self._mean_loss(window)
        strategy.finish_window()
        if own.clip is None:
            self._norm = strategy.clip(training.parameters, self._args.max_grad_norm)
        else:
            self._norm = as_norm(own.clip(self._parts.model_wrapped), training.parameters)
        self._fire("on_pre_optimizer_step")
        interruption.hold()
        self._weights = CHANGING
        stepped = strategy.step()
        # Not before: what breaks off until here has left nothing of this update.
        loss = training.running_loss.add(loss)
        self._done, self._weights = (window, ends_epoch, stepped, loss), CHANGED
        self._fire("on_optimizer_step")
        self._weights = CHANGING
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
        if self._args.auto_find_batch_size:
            self._agree(before, self._state.global_step)
        if before.out_of_memory:
            raise short or torch.OutOfMemoryError("another process is out of memory")
        return loss

    def _asks(self) -> bool:
        """Whether this process may ask for what others do not: for a signal, a fault, or code that is not ours."""
        fault = self._stopping is not None or bool(self._kept)
        return fault or self._training.keeper.is_written or not self._trainer.is_all_ours() or interruption.is_noted()

    def _is_due(self, step: int) -> bool:
        """Whether settings may ask for something after this update: the same in all processes."""
        if step < self._due:
            return False
        self._due = self._training.cadence.next_event_after(step)
        return True

    def _agree_on(self, event: str, flags: AfterUpdate, number: int, **more: Any) -> None:
        """Tell callbacks of an event after which they ask for things; what those of any process ask for holds.

        Our own ask for the same in every process. Where there are no others, all know that nothing is asked for, and
        say nothing; a signal, a fault, or what a model, a data set or a thread asks for by itself is told with the next
        window, and agreed on after that.
        """
        try:
            self._fire(event, **more)
        except NonFiniteError as error:
            self._stopping = error
        control, self._is_saved = self._parts.control, False
        # Known to all: what this process finds switched on is not.
        asked = self._shared_windows.somebody_asked or (self._is_alone and interruption.is_noted())
        certain = type(flags) is AfterUpdate and not self._is_due(number) and not asked
        if certain:
            self._keep_wishes()
            self._wanted = NOTHING
            self._training.agreement.note(number)
            return
        for wish in self._kept:
            setattr(control, wish, True)
        self._kept.clear()
        flags.log, flags.evaluate, flags.save = control.should_log, control.should_evaluate, control.should_save
        flags.stop_epoch, flags.stop = control.should_epoch_stop, control.should_training_stop
        flags.non_finite, flags.interrupted = self._stopping is not None, interruption.is_noted()
        flags.saved = self._training.keeper.is_written
        self._agree(flags, number)
        if flags.non_finite:
            raise self._stopping or NonFiniteError("the loss or the gradient of another process is not finite")
        if flags.interrupted:
            self._end_of_run(flags)
        control.should_log, control.should_evaluate, control.should_save = flags.log, flags.evaluate, flags.save
        control.should_epoch_stop, control.should_training_stop = flags.stop_epoch, flags.stop
        self._wanted, self._is_saved = (flags.log, flags.evaluate, flags.save), flags.saved
        self._stops_epoch, self._stops = flags.stop_epoch, flags.stop

    def _end_of_run(self, flags: AfterUpdate) -> None:
        """The system wants the process to end: what it has is logged and saved, and nothing else is done."""
        self._ends_here = self.ends_together = True
        self._is_unasked = not flags.save
        # Else it is saved when the run has broken off, where that is wanted.
        flags.save = flags.save or self._args.enable_jit_checkpoint
        # Whoever goes on makes it first.
        self._state.evaluation_due, flags.evaluate = flags.evaluate, False

    def _save_before_the_end(self) -> None:
        """Of a signal that came after the last update the process ends once training is over."""
        if not self._args.enable_jit_checkpoint:
            return
        flags = BeforeTheEnd(interrupted=interruption.is_noted())
        self._agree(flags, self._state.global_step)
        if flags.interrupted and self._saved_at != self._state.global_step:
            self._is_unasked = True
            self._save()

    def _gradients(self, window: Window) -> Tensor:
        """Sum up the gradients of a window as if it were one batch; returns its mean loss.

        Every micro-batch's mean loss counts by its items: the weighted sum is the mean over the whole window, also
        where label counts differ, in a short last window, and where a micro-batch has no item.
        """
        parts, last = self._parts, len(window) - 1
        parts.window_size = last + 1
        items = self._shared_windows.items(window)
        if items is not None and isinstance(window, OwnWindow):
            items = items_as_told(items, window.items)
        total: Tensor | None = None
        for number, batch in enumerate(window):
            if number:
                self._fire("on_substep_end")
            parts.items = items[number] if items is not None else None
            loss = self._micro_batch(batch, of=last + 1, last=number == last)
            if loss is None:
                raise TypeError("training_step returned nothing: let it return its loss, a tensor")
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
        training, state = self._training, self._state
        state.global_step += 1
        self._draws.keep()
        # What was agreed on after the update before.
        self._wanted = NOTHING
        rows, tokens, operations = self._shared_windows.totals(window)
        state.rows_in_epoch = self._walk.advance(getattr(window, "taken", window), rows, len(window))
        state.updates_in_epoch += 1
        training.rows_seen += rows
        state.total_flos += operations
        if training.tokens.is_wanted:
            training.tokens_seen += tokens
            state.num_input_tokens_seen += tokens
        if state.updates_per_epoch:
            updates = state.epoch_index * state.updates_per_epoch + state.updates_in_epoch
            state.epoch = updates / state.updates_per_epoch
        else:
            state.epoch = float(state.epoch_index + ends_epoch)
        if self._cache_every and state.global_step % self._cache_every == 0:
            empty_cache(self._parts.device)
