"""NotebookProgressCallback: on the page of a notebook, a table of losses and metrics over the bars."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from trainspec.text.redaction import show_value
from trainspec.training.callbacks.kernel import PAUSE, Block, in_kernel, is_widget
from trainspec.training.callbacks.printer import PrinterCallback
from trainspec.training.callbacks.progress import ProgressCallback, length_of
from trainspec.training.callbacks.table import TRAINING_LOSS, VALIDATION_LOSS, LossTable, metric_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks.control import TrainerControl
    from trainspec.training.state import TrainerState

logger = logging.getLogger(__name__)


def _showing(event: Callable[..., None]) -> Callable[..., None]:
    """An event at which something is shown. A page that cannot is told of once, and a run never ends for it."""

    @functools.wraps(event)
    def shown(self: NotebookProgressCallback, *given: Any, **known: Any) -> None:
        if not self.gave_up:
            try:
                event(self, *given, **known)
                return
            except Exception as error:
                self.give_up(error)
        getattr(PrinterCallback, event.__name__)(PrinterCallback(), *given, **known)

    return shown


class NotebookProgressCallback(ProgressCallback):
    """A table with a row for each evaluation, or for each entry where nothing is evaluated, and bars below it.

    In a process that is no kernel (a trial of a search elsewhere) it is a ProgressCallback.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gave_up = False
        self._table: LossTable | None = None
        self._block = Block()
        self._loss: float | None = None
        self._state: TrainerState | None = None
        self._began = self._described = 0.0
        self._evaluated = 0

    @_showing
    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.is_local_process_zero and in_kernel():
            self._began, self._state, self._loss = time.monotonic(), state, None
            self._table, self._block = LossTable(_first_column(args), *_columns(args)), Block()
            # Before the bar: one of text goes on below whatever is displayed in between.
            self._block.show(self._table, _about(state), now=True)
        super().on_train_begin(args, state, control, **kwargs)

    @_showing
    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        super().on_step_end(args, state, control, **kwargs)
        if self._block.is_behind and self._table is not None:
            self._block.show(self._table, _about(state))

    @_showing
    def on_prediction_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        eval_dataloader: Any = None,
        **kwargs: Any,
    ) -> None:
        bar = self._training
        if self._table is None or bar is None or is_widget(type(bar)):
            super().on_prediction_step(args, state, control, eval_dataloader=eval_dataloader, **kwargs)
            return
        # Text on a page has no second line for another bar.
        self._evaluated += 1
        if time.monotonic() - self._described >= PAUSE:
            self._described = time.monotonic()
            batches = length_of(eval_dataloader)
            bar.set_description(f"evaluation {self._evaluated}" + (f"/{batches}" if batches else ""))

    @_showing
    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().on_log(args, state, control, logs=logs, **kwargs)
        self._loss = (logs or {}).get("loss", self._loss)
        if self._table is not None and args.eval_strategy == "no" and "loss" in (logs or {}):
            self._put(self._table, args, state, {TRAINING_LOSS: self._loss})

    @_showing
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
        values = metric_columns(metrics or {})
        if self._loss is not None:
            values = {TRAINING_LOSS: self._loss, **values}
        if self._table is not None:
            self._put(self._table, args, state, values)
        elif state.is_local_process_zero and in_kernel():
            alone = LossTable(_first_column(args))
            alone.put(state.global_step, _place(args, state), values)
            Block().show(alone, "", now=True)

    @_showing
    def on_predict(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        super().on_predict(args, state, control, **kwargs)
        self._evaluation_is_over()

    @_showing
    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        super().on_train_end(args, state, control, **kwargs)
        self._close("{step:,} of {all:,} steps in {time}")

    def abandon(self) -> None:
        try:
            super().abandon()
            self._close("stopped at step {step:,} of {all:,}, after {time}")
        except Exception as error:
            self.give_up(error)

    def give_up(self, error: Exception) -> None:
        """Say once that nothing can be shown."""
        if not self.gave_up:
            logger.warning("progress cannot be shown here (%s: %s)", type(error).__name__, error)
        self.gave_up, self._table = True, None

    def _put(self, table: LossTable, args: TrainingArguments, state: TrainerState, values: Mapping[str, Any]) -> None:
        table.put(state.global_step, _place(args, state), values)
        self._block.show(table, _about(state))

    def _evaluation_is_over(self) -> None:
        if self._evaluated and self._training is not None:
            self._training.set_description("training")
        self._evaluated = 0

    def _close(self, status: str) -> None:
        table, state = self._table, self._state
        self._table = self._state = None
        if table is not None and state is not None:
            passed = timedelta(seconds=round(time.monotonic() - self._began))
            told = status.format(step=state.global_step, all=state.max_steps, time=passed)
            self._block.show(table, ", ".join(filter(None, (told, _trial(state)))), now=True)


def _first_column(args: TrainingArguments) -> str:
    return "Epoch" if args.eval_strategy == "epoch" else "Step"


def _columns(args: TrainingArguments) -> tuple[str, ...]:
    return (TRAINING_LOSS,) if args.eval_strategy == "no" else (TRAINING_LOSS, VALIDATION_LOSS)


def _place(args: TrainingArguments, state: TrainerState) -> str:
    return str(state.global_step) if _first_column(args) == "Step" else f"{round(state.epoch, 2):g}"


def _about(state: TrainerState) -> str:
    return ", ".join(filter(None, (f"{state.max_steps:,} steps", _trial(state))))


def _trial(state: TrainerState) -> str:
    drawn = (state.trial_params or {}) if state.is_hyper_param_search else {}
    return ", ".join(f"{name} {show_value(name, value)}" for name, value in drawn.items())
