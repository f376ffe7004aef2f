"""DefaultFlowCallback: asks for logs, evaluations and checkpoints when the settings say, as plan predicts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.plan.events import Cadence, Moment, should_evaluate, should_log, should_save
from trainspec.settings.views.derived import exact
from trainspec.training.callbacks.base import TrainerCallback

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks.control import TrainerControl
    from trainspec.training.state import TrainerState


class DefaultFlowCallback(TrainerCallback):
    """Strategies "steps" ask at step_end, strategies "epoch" at epoch_end. Strategy "best" is the loop's."""

    def __init__(self) -> None:
        self._cadence = Cadence(total_updates=0, updates_per_epoch=None)
        self._next = 1

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._cadence = Cadence.of(args, state.max_steps, state.updates_per_epoch)
        self._next = self._cadence.next_event_after(state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        step, cadence = state.global_step, self._cadence
        if step < self._next:
            return
        self._next = cadence.next_event_after(step)
        # What is due at the end of an epoch is asked for there.
        now = Moment(step, exact(state.epoch), epoch_ended=False)
        control.should_log |= should_log(cadence, now)
        control.should_evaluate |= should_evaluate(cadence, now)
        control.should_save |= should_save(cadence, now)
        control.should_training_stop |= cadence.is_last(step)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        cadence = self._cadence
        through = cadence.moment(state.global_step, epoch=state.epoch).epoch
        now = Moment(state.global_step, through, epoch_ended=True)
        control.should_log |= cadence.logging_strategy == "epoch" and should_log(cadence, now)
        control.should_evaluate |= cadence.eval_strategy == "epoch" and should_evaluate(cadence, now)
        control.should_save |= cadence.save_strategy == "epoch" and should_save(cadence, now)
