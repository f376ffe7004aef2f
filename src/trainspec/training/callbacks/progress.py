"""ProgressCallback: a bar with updates a second, time left and the newest numbers."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sized
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from trainspec.training.callbacks.base import TrainerCallback
from trainspec.training.callbacks.kernel import in_kernel
from trainspec.training.callbacks.page_bar import page_bar
from trainspec.training.callbacks.printer import entry_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks.control import TrainerControl
    from trainspec.training.state import TrainerState

_SHOWN = {"loss": "loss", "eval_loss": "eval", "learning_rate": "lr"}


def progress_wanted(args: TrainingArguments) -> bool:
    """As disable_tqdm says; where it says nothing, on a terminal or page that is also told about warnings."""
    if args.disable_tqdm is not None:
        return not args.disable_tqdm
    return (in_kernel() or sys.stderr.isatty()) and logging.getLogger("trainspec").isEnabledFor(logging.WARNING)


class ProgressCallback(TrainerCallback):
    """A bar for training, and under it one for each evaluation that lasts as long as it does."""

    shows_progress = True

    def __init__(self) -> None:
        self._training: tqdm | None = None
        self._evaluation: tqdm | None = None
        self._numbers: dict[str, str] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.is_local_process_zero:
            self._numbers = {}
            self._training = _bar("training", state.max_steps, state.global_step, "step")

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self._training is not None:
            self._training.update(state.global_step - self._training.n)

    def on_prediction_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        eval_dataloader: Any = None,
        **kwargs: Any,
    ) -> None:
        if not state.is_local_process_zero:
            return
        if self._evaluation is None:
            self._evaluation = _bar("evaluation", length_of(eval_dataloader), 0, "batch", leave=self._training is None)
        self._evaluation.update(1)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        logs = logs or {}
        if self._training is None:
            return
        self._numbers |= {name: f"{logs[key]:.3g}" for key, name in _SHOWN.items() if key in logs}
        self._training.set_postfix(self._numbers, refresh=False)
        if any(key.startswith("eval_") for key in logs):
            self._tell_evaluation(state, logs)

    def _tell_evaluation(self, state: TrainerState, logs: Mapping[str, Any]) -> None:
        if self._training is not None:
            self._training.write(entry_line(state, logs), file=sys.stderr)

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        _close(self._evaluation)
        self._evaluation = None

    def on_predict(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        _close(self._evaluation)
        self._evaluation = None

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        _close(self._training)
        self._training = None

    def abandon(self) -> None:
        for bar in (self._training, self._evaluation):
            _close(bar)
        self._training = self._evaluation = None


@contextmanager
def passing_bar(rows: int, *, wanted: bool) -> Iterator[Callable[[int], object]]:
    """What is to be told how many of the rows before a resumed run's place were read; the first time makes the bar."""
    bars: list[tqdm] = []

    def told(row: int) -> None:
        if wanted:
            bars[:] = bars or [_bar("rows passed over", rows, 0, "row", leave=False)]
            bars[0].update(row - bars[0].n)

    try:
        yield told
    finally:
        _close(bars[0] if bars else None)


def _bar(what: str, total: int | None, start: int, unit: str, *, leave: bool = True) -> tqdm:
    known: dict[str, Any] = {"total": total, "initial": start, "unit": unit, "desc": what, "leave": leave}
    return page_bar(**known) if in_kernel() else tqdm(**known, file=sys.stderr, **_size())


def _size() -> dict[str, Any]:
    """Terminals of containers may say that they have no columns at all, in which no bar would be seen."""
    with suppress(OSError, ValueError):
        if os.get_terminal_size(sys.stderr.fileno()).columns == 0:
            return {"ncols": 80, "nrows": 20}
    return {"dynamic_ncols": True}


def _close(bar: tqdm | None) -> None:
    if bar is not None:
        bar.close()


def length_of(loader: Any) -> int | None:
    """The batches of a loader, where it knows them."""
    try:
        return len(loader) if isinstance(loader, Sized) else None
    except TypeError:
        return None
