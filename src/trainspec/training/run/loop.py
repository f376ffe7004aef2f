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
from itertools import islice
from typing import TYPE_CHECKING, Any

from trainspec.plan.events import evaluates_on_start
from trainspec.training.callbacks.states import export_states
from trainspec.training.checkpoint.rng import restore_rng, rng_file
from trainspec.training.data import batches, data_seed
from trainspec.training.errors import NoBatchesError
from trainspec.training.evaluation import best
from trainspec.training.loss.item_count import ItemCount
from trainspec.training.model.inside import shifts_labels, takes_item_count
from trainspec.training.model.outputs import count_rows, weigh
from trainspec.training.optimizers.behaviour import clear_gradients, gradient_norm, learning_rate, note_losses, saving
from trainspec.training.run.memory import empty_cache
from trainspec.training.schedules import after_evaluation, after_update
from trainspec.training.signatures import supported, takes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from trainspec.training.run.parts import RunParts
    from trainspec.training.trainer import Trainer

Window = list[Any]


class TrainingLoop:
    """Goes through the public methods of the Trainer, so that overriding one has its effect."""

    def __init__(self, trainer: Trainer, parts: RunParts, ignore_keys_for_eval: list[str] | None = None) -> None:
        self._trainer = trainer
        self._args = trainer.args
        self._parts = parts
        self._state = parts.state
        self._resumed = parts.resumed_from
        self._ignored = ignore_keys_for_eval
        self._accumulation = self._args.gradient_accumulation_steps
        self._cache_every = self._args.torch_empty_cache_steps
        self._train_loss: float | None = None
        self._logged_at = self._evaluated_at = self._saved_at = -1
        self._shifted = shifts_labels(parts.model)
        self._counts_items = self._accumulation > 1 or trainer.counts_items() or takes_item_count(parts.model)
        self._operations = trainer.operations_counter()
        self._step_takes_items = takes(trainer.training_step, "num_items_in_batch")

    def run(self) -> None:
        trainer, state = self._trainer, self._state
        if self._resumed is None and evaluates_on_start(self._parts.cadence):
            self._evaluate()
        while not self._is_over():
            trainer.control.new_epoch()
            self._fire("on_epoch_begin")
            trainer.losses.forget()
            for window, ends_epoch in self._windows():
                self._step(window, ends_epoch)
                if trainer.control.should_epoch_stop or self._is_over():
                    break
            self._fire("on_epoch_end")
            # Before the last of the epoch is saved: who resumes from that has nothing of this epoch left to do.
            state.epoch_index += 1
            state.batch_in_epoch = 0
            self._act()

    def _is_over(self) -> bool:
        state = self._state
        if self._trainer.control.should_training_stop or state.global_step >= state.max_steps:
            return True
        # Only callbacks that cut epochs short make the epochs end before the steps do.
        return self._args.max_steps <= 0 and state.epoch_index >= math.ceil(self._args.num_train_epochs)

    def _fire(self, event: str, **more: Any) -> None:
        trainer = self._trainer
        if trainer.callback_handler.has_listeners(event):
            trainer.control = trainer.callback_handler.call_event(
                event, self._args, self._state, trainer.control, **more
            )

    def _windows(self) -> Iterator[tuple[Window, bool]]:
        """The rest of the epoch as accumulation windows, each with whether the data ends with it."""
        state, size = self._state, self._accumulation
        start = state.batch_in_epoch
        source = batches(self._parts.loader, state.epoch_index, start, data_seed(self._args))
        self._restore_random_state()
        window = list(islice(source, size))
        if not window and not start:
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
        control = self._trainer.control
        control.new_step()
        self._fire("on_step_begin")
        loss, norm = self._update(window)
        self._count(window, ends_epoch)
        self._fire("on_step_end", loss=loss, grad_norm=norm)
        self._act()

    def _update(self, window: Window) -> tuple[Tensor, Tensor]:
        parts = self._parts
        self._rate = learning_rate(parts.optimizer)
        loss = parts.losses.add(self._gradients(window))
        parts.precision.unscale(parts.optimizer)
        measured = gradient_norm(parts.optimizer)
        if measured is None:
            measured = parts.strategy.clip_gradients(parts.parameters, self._args.max_grad_norm)
        self._norm = measured
        self._fire("on_pre_optimizer_step")
        stepped = parts.precision.step(parts.optimizer)
        self._fire("on_optimizer_step")
        if stepped:
            after_update(parts.schedule)
        clear_gradients(parts.optimizer)
        return loss, self._norm

    def _gradients(self, window: Window) -> Tensor:
        """Sum up the gradients of a window as if it were one batch; returns its mean loss.

        Every micro-batch's mean loss counts by its items, of which the window has `items`: the weighted sum is the mean
        over the whole window, also where label counts differ and in a short last window. A loss that divides by the
        items of the window itself needs no weight.
        """
        items = None
        if self._counts_items:
            names = self._parts.label_names
            weights = [weigh(batch, names, shifted=self._shifted) for batch in window]
            items = sum(weights) or None
            # The mean over no item is nan, and would spoil the others.
            window = [batch for batch, weight in zip(window, weights, strict=True) if weight] or window[:1]
        total = self._micro_batch(window[0], items, last=len(window) == 1)
        for number, batch in enumerate(window[1:], start=2):
            self._fire("on_substep_end")
            total = total + self._micro_batch(batch, items, last=number == len(window))
        return total

    def _micro_batch(self, batch: Any, items: int | None, *, last: bool) -> Tensor:
        trainer, parts = self._trainer, self._parts
        with parts.strategy.accumulating(parts.model, last=last):
            if items is None or not self._step_takes_items:
                return trainer.training_step(parts.model, batch)
            return trainer.training_step(parts.model, batch, ItemCount.of(items))

    def _count(self, window: Window, ends_epoch: bool) -> None:
        parts, state = self._parts, self._state
        state.global_step += 1
        state.batch_in_epoch += len(window)
        for batch in window:
            parts.rows_seen += count_rows(batch)
            state.total_flos += self._operations(batch)
        if parts.tokens.is_wanted:
            tokens = sum(map(parts.tokens.count, window))
            parts.tokens_seen += tokens
            state.num_input_tokens_seen += tokens
        if state.updates_per_epoch:
            done = -(-state.batch_in_epoch // self._accumulation)
            state.epoch = (state.epoch_index * state.updates_per_epoch + done) / state.updates_per_epoch
        else:
            state.epoch = float(state.epoch_index + ends_epoch)
        if self._cache_every and state.global_step % self._cache_every == 0:
            empty_cache(self._trainer.device)

    def _act(self) -> None:
        """Do what callbacks asked for, each at most once after an update."""
        control, step = self._trainer.control, self._state.global_step
        if control.should_log and self._logged_at != step:
            self._logged_at = step
            self._log()
        if control.should_evaluate and self._evaluated_at != step:
            self._evaluated_at = step
            if self._evaluate() and self._args.save_strategy == "best":
                control.should_save = True
        if control.should_save and self._saved_at != step:
            self._saved_at = step
            self._save()

    def _log(self) -> None:
        loss, norm = self._parts.losses.take(), self._norm.item()
        entry = {"loss": loss, "grad_norm": norm, "learning_rate": self._rate}
        scale = self._parts.precision.loss_scale()
        if scale is not None:
            entry["loss_scale"] = scale
        self._train_loss = loss
        self._trainer.log(entry)

    def _evaluate(self) -> bool:
        """Whether this evaluation was the best so far."""
        trainer = self._trainer
        metrics = trainer.evaluate(**supported(trainer.evaluate, ignore_keys=self._ignored))
        trainer.report_to_search(metrics)
        note_losses(self._parts.optimizer, train_loss=self._train_loss, eval_loss=metrics.get("eval_loss"))
        value = best.chosen_metric(self._args, metrics)
        # What the run started from has no checkpoint, so it cannot be the best.
        if value is None or self._state.global_step == 0:
            return False
        after_evaluation(self._parts.schedule, value)
        return best.note(self._args, self._state, value)

    def _save(self) -> None:
        parts, trainer = self._parts, self._trainer
        parts.state.running_loss = parts.losses.state_dict()
        export_states((trainer.control, *trainer.callback_handler.callbacks), parts.state)
        with saving(parts.optimizer):
            checkpoint = parts.keeper.save(parts, trainer.processing_class)
        self._fire("on_save")
        trainer.after_save(checkpoint)
        parts.trackers.refresh()
