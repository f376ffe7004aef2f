"""The order of things.

evaluate on start
for every epoch:
    for every window of micro-batches:
        forward and backward for each, one update
        log, evaluate, save where it is time
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from trainspec.plan.events import evaluates_on_start, should_evaluate, should_log, should_save
from trainspec.training import best
from trainspec.training.checkpoint.rng import restore_rng, rng_file
from trainspec.training.data import batches, data_seed
from trainspec.training.errors import NoBatchesError
from trainspec.training.outputs import count_rows, weigh
from trainspec.training.schedules import after_evaluation, after_update

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from trainspec.training.parts import RunParts
    from trainspec.training.trainer import Trainer

Window = list[Any]


class TrainingLoop:
    """Goes through the public methods of the Trainer, so that overriding one has its effect."""

    def __init__(self, trainer: Trainer, parts: RunParts) -> None:
        self._trainer = trainer
        self._args = trainer.args
        self._parts = parts
        self._state = parts.state
        self._resumed = parts.resumed_from

    def run(self) -> None:
        if self._resumed is None and evaluates_on_start(self._parts.cadence):
            self._evaluate()
        while not self._is_over():
            for window, ends_epoch in self._windows():
                self._update(window)
                self._after_update(window, ends_epoch)
                if self._is_over():
                    return
            self._state.epoch_index += 1
            self._state.batch_in_epoch = 0

    def _is_over(self) -> bool:
        return self._parts.cadence.is_last(self._state.global_step)

    def _windows(self) -> Iterator[tuple[Window, bool]]:
        """The rest of the epoch as accumulation windows, each with whether the data ends with it."""
        state, size = self._state, self._args.gradient_accumulation_steps
        start = state.batch_in_epoch
        source = batches(self._parts.loader, state.epoch_index, start, data_seed(self._args))
        self._restore_random_state()
        window = list(islice(source, size))
        if not window and not start:
            raise NoBatchesError("an epoch of the training data gave no batch; is the data set used up or empty?")
        while window:
            # Only data without a length must be asked for more before one knows that it has ended.
            following = list(islice(source, size)) if self._parts.cadence.updates_per_epoch is None else None
            yield window, following == []
            window = list(islice(source, size)) if following is None else following

    def _restore_random_state(self) -> None:
        if self._resumed is not None:
            if self._resumed.has(rng_file()):
                restore_rng(self._resumed.read(rng_file()), self._resumed.url)
            self._resumed = None

    def _update(self, window: Window) -> None:
        parts = self._parts
        self._rate = parts.optimizer.param_groups[0]["lr"]
        loss = self._gradients(window)
        parts.precision.unscale(parts.optimizer)
        self._norm = parts.strategy.clip_gradients(parts.parameters, self._args.max_grad_norm)
        if parts.precision.step(parts.optimizer):
            after_update(parts.schedule)
        parts.optimizer.zero_grad(set_to_none=True)
        parts.losses.add(loss)

    def _gradients(self, window: Window) -> Tensor:
        """Sum up the gradients of a window as if it were one batch; returns its mean loss.

        Every micro-batch's mean loss counts by its items, of which the window has `items`: the weighted sum is the mean
        over the whole window, also where label counts differ and in a short last window.
        """
        trainer, parts = self._trainer, self._parts
        items = None
        if len(window) > 1:
            weights = [weigh(batch, parts.label_names) for batch in window]
            items = sum(weights) or None
            # The mean over no item is nan, and would spoil the others.
            window = [batch for batch, weight in zip(window, weights, strict=True) if weight] or window[:1]
        losses: list[Tensor] = []
        for number, batch in enumerate(window, start=1):
            with parts.strategy.accumulating(parts.model, last=number == len(window)):
                losses.append(trainer.training_step(parts.model, batch, items))
        return losses[0] if len(losses) == 1 else sum(losses[1:], losses[0])

    def _after_update(self, window: Window, ends_epoch: bool) -> None:
        parts, state = self._parts, self._state
        state.global_step += 1
        state.batch_in_epoch += len(window)
        parts.rows_seen += sum(map(count_rows, window))
        now = parts.cadence.moment(
            state.global_step, epoch_ended=ends_epoch, epoch=float(state.epoch_index + ends_epoch)
        )
        state.epoch = float(now.epoch)
        for callback in parts.callbacks:
            callback.on_step_end(self._args, state)
        if should_log(parts.cadence, now):
            self._log()
        improved = self._evaluate() if should_evaluate(parts.cadence, now) else False
        if should_save(parts.cadence, now, improved=improved):
            self._save()

    def _log(self) -> None:
        loss, norm = self._parts.losses.take(), self._norm.item()
        entry = {"loss": loss, "grad_norm": norm, "learning_rate": self._rate}
        if self._parts.precision.scaler is not None:
            entry["loss_scale"] = self._parts.precision.scaler.get_scale()
        self._trainer.log(entry)

    def _evaluate(self) -> bool:
        """Whether this evaluation was the best so far."""
        metrics = self._trainer.evaluate()
        value = best.chosen_metric(self._args, metrics)
        # What the run started from has no checkpoint, so it cannot be the best.
        if value is None or self._state.global_step == 0:
            return False
        after_evaluation(self._parts.schedule, value)
        return best.note(self._args, self._state, value)

    def _save(self) -> None:
        parts = self._parts
        parts.state.running_loss = parts.losses.state_dict()
        weights = parts.strategy.model_state(parts.model)
        parts.keeper.save(weights, parts.state, parts.optimizer, parts.schedule, parts.precision)
        parts.trackers.refresh()
