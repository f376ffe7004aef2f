"""StopOnNonFinite: a loss or gradient that is nan or infinite ends the run before it spoils a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from trainspec.training.callbacks.base import TrainerCallback
from trainspec.training.errors import NonFiniteError

if TYPE_CHECKING:
    from torch import Tensor

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks.control import TrainerControl
    from trainspec.training.state import TrainerState

# Steps between looks: none of them waits for the device, so the numbers of many steps are looked at together.
_KEPT = 64


class StopOnNonFinite(TrainerCallback):
    """Raises NonFiniteError, which names the step and the last good checkpoint, at the latest 64 steps on and always
    before the next entry, evaluation or checkpoint. Under fp16 an infinite gradient is no fault: that step is skipped.

    Opt out with stop_on_nonfinite: false, or `trainer.remove_callback(StopOnNonFinite)`.
    """

    def __init__(self) -> None:
        self._steps: list[int] = []
        self._numbers: list[Tensor] = []
        self._saved_at: int | None = None
        self._raised: tuple[NonFiniteError, int] | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._steps, self._numbers, self._raised = [], [], None
        self._saved_at = state.global_step or None

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        loss: Tensor | None = None,
        grad_norm: Tensor | None = None,
        **kwargs: Any,
    ) -> None:
        if loss is not None:
            self._steps.append(state.global_step)
            self._numbers.append(loss)
        if grad_norm is not None and not args.fp16:
            self._steps.append(state.global_step)
            self._numbers.append(grad_norm)
        if _something_follows(control) or len(self._numbers) >= _KEPT:
            self._look(args)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if _something_follows(control):
            self._look(args)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._saved_at = kwargs.get("saved_step", state.global_step)
        if self._raised is not None:
            # It was being written beside training when the number was found.
            error, step = self._raised
            error.args = (_message(step, self._saved_at, args.output_dir),)

    def _look(self, args: TrainingArguments) -> None:
        if not self._numbers:
            return
        steps, numbers = self._steps, self._numbers
        self._steps, self._numbers = [], []
        finite = torch.isfinite(torch.stack([number.float() for number in numbers])).tolist()
        bad = [step for step, is_finite in zip(steps, finite, strict=True) if not is_finite]
        if bad:
            error = NonFiniteError(_message(bad[0], self._saved_at, args.output_dir))
            self._raised = error, bad[0]
            raise error


def _something_follows(control: TrainerControl) -> bool:
    return control.should_log or control.should_evaluate or control.should_save or control.should_training_stop


def _message(step: int, saved_at: int | None, output_dir: str) -> str:
    good = "no checkpoint had been written" if saved_at is None else f"the last good one is checkpoint-{saved_at}"
    return (
        f"the loss or the gradient of step {step} is not finite; training stopped, and {good} in {output_dir}. "
        "Lower learning_rate, set max_grad_norm, look at the data of that step, or find the module with "
        "debug: underflow_overflow; stop_on_nonfinite: false goes on regardless"
    )
