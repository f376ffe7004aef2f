"""NotebookProgressCallback: on the page of a notebook, a table of losses and metrics over the bars."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from trainspec.training.callbacks.kernel import PAUSE, Block, in_kernel, showing
from trainspec.training.callbacks.progress import ProgressCallback, length_of
from trainspec.training.callbacks.table import TRAINING_LOSS, LossTable, metric_columns, trial_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks.control import TrainerControl
    from trainspec.training.state import TrainerState

logger = logging.getLogger(__name__)


class NotebookProgressCallback(ProgressCallback):
    """A table with a row for each evaluation, or for each entry where nothing is evaluated, and bars below it. In a
    process that is no kernel (a trial of a search elsewhere) it is a ProgressCallback.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gave_up = False
        self._table: LossTable | None = None
        self._state: TrainerState | None = None
        self._loss: float | None = None
        self._block, self._evaluated, self._described = Block(), 0, 0.0

    @showing
    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.is_local_process_zero and in_kernel():
            self._state, self._loss = state, None
            self._table, self._block = LossTable.expected(args), Block()
            # Its place is above the bar, which is below what was displayed before it.
            self._block.show(self._table, trial_of(state), now=True)
        super().on_train_begin(args, state, control, **kwargs)

    @showing
    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        super().on_step_end(args, state, control, **kwargs)
        if self._block.is_behind and self._table is not None:
            self._block.show(self._table, trial_of(state))

    @showing
    def on_prediction_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        eval_dataloader: Any = None,
        **kwargs: Any,
    ) -> None:
        bar = self._training
        if self._table is None or bar is None:
            super().on_prediction_step(args, state, control, eval_dataloader=eval_dataloader, **kwargs)
            return
        # The one bar tells it: each of an own would leave a line in a saved notebook.
        self._evaluated += 1
        if time.monotonic() - self._described >= PAUSE:
            self._described = time.monotonic()
            batches = length_of(eval_dataloader)
            bar.set_description(f"evaluation {self._evaluated}" + (f"/{batches}" if batches else ""))

    @showing
    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        logs = logs or {}
        super().on_log(args, state, control, logs=logs, **kwargs)
        self._loss = logs.get("loss", self._loss)
        if self._table is not None and args.eval_strategy == "no" and "loss" in logs:
            self._table.put(args, state, {TRAINING_LOSS: self._loss})
            self._block.show(self._table, trial_of(state))

    @showing
    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().on_evaluate(args, state, control, **kwargs)
        self._evaluation_is_over()
        values = {} if self._loss is None else {TRAINING_LOSS: self._loss}
        values |= metric_columns(metrics or {})
        if self._table is not None:
            self._table.put(args, state, values)
            self._block.show(self._table, trial_of(state))
        elif state.is_local_process_zero and in_kernel():
            Block().show(LossTable().put(args, state, values), "", now=True)

    @showing
    def on_predict(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        super().on_predict(args, state, control, **kwargs)
        self._evaluation_is_over()

    @showing
    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        super().on_train_end(args, state, control, **kwargs)
        self._end_table("")

    def abandon(self) -> None:
        try:
            super().abandon()
            self._end_table("stopped at step {step:,} of {all:,}")
        except Exception as error:
            self.give_up(error)

    def give_up(self, error: Exception) -> None:
        """Say once that nothing can be shown."""
        if not self.gave_up:
            logger.warning("progress cannot be shown here (%s: %s)", type(error).__name__, error)
        self.gave_up, self._table = True, None
        with suppress(Exception):
            super().abandon()

    def _tell_evaluation(self, state: TrainerState, logs: Mapping[str, Any]) -> None:
        if self._table is None:
            super()._tell_evaluation(state, logs)

    def _evaluation_is_over(self) -> None:
        if self._evaluated and self._training is not None:
            self._training.set_description("training")
        self._evaluated = 0

    def _end_table(self, status: str) -> None:
        table, state, self._table, self._state = self._table, self._state, None, None
        if table is not None and state is not None:
            told = (status.format(step=state.global_step, all=state.max_steps), trial_of(state))
            self._block.show(table, ", ".join(filter(None, told)), now=True)
