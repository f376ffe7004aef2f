"""DefaultFlowCallback: asks for logs, evaluations and checkpoints when the settings say, as plan predicts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.plan.events import Cadence, Moment, should_evaluate, should_log, should_save
from trainspec.settings.derived import exact
from trainspec.training.callbacks.base import TrainerCallback

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks.control import TrainerControl
    from trainspec.training.state import TrainerState


class DefaultFlowCallback(TrainerCallback):
    """Strategies "steps" ask at step_end, strategies "epoch" at epoch_end. Strategy "best" is the loop's."""

    def __init__(self) -> None:
        self._cadence = Cadence(total_updates=0, updates_per_epoch=None)
        self._intervals: tuple[int, ...] = ()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        cadence = self._cadence = Cadence.of(args, state.max_steps, state.updates_per_epoch)
        by_steps = {
            "logging": (cadence.logging_strategy, cadence.logging_every),
            "eval": (cadence.eval_strategy, cadence.eval_every),
            "save": (cadence.save_strategy, cadence.save_every),
        }
        self._intervals = tuple(every for strategy, every in by_steps.values() if strategy == "steps")

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        step, cadence = state.global_step, self._cadence
        is_last = cadence.is_last(step)
        if step > 1 and not is_last and all(step % every for every in self._intervals):
            return
        # What is due at the end of an epoch is asked for there.
        now = Moment(step, exact(state.epoch), epoch_ended=False)
        control.should_log |= should_log(cadence, now)
        control.should_evaluate |= should_evaluate(cadence, now)
        control.should_save |= should_save(cadence, now)
        control.should_training_stop |= is_last

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        cadence = self._cadence
        through = cadence.moment(state.global_step, epoch=state.epoch).epoch
        now = Moment(state.global_step, through, epoch_ended=True)
        control.should_log |= cadence.logging_strategy == "epoch" and should_log(cadence, now)
        control.should_evaluate |= cadence.eval_strategy == "epoch" and should_evaluate(cadence, now)
        control.should_save |= cadence.save_strategy == "epoch" and should_save(cadence, now)
