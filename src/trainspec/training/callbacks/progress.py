"""A progress bar on the terminal: updates done, updates a second, time left, and the newest numbers."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from tqdm import tqdm

from trainspec.training.callbacks.base import Callback, Entry
from trainspec.training.callbacks.lines import entry_line

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.state import TrainerState

_SHOWN = {"loss": "loss", "eval_loss": "eval", "learning_rate": "lr"}


def progress_wanted(args: TrainingArguments) -> bool:
    """As disable_tqdm says; where it says nothing, on a terminal that is also told about warnings."""
    if args.disable_tqdm is not None:
        return not args.disable_tqdm
    return sys.stderr.isatty() and logging.getLogger("trainspec").isEnabledFor(logging.WARNING)


class Progress(Callback):
    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._numbers: dict[str, str] = {}

    def on_run_begin(self, args: TrainingArguments, state: TrainerState) -> None:
        self._bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            unit="step",
            desc="training",
            dynamic_ncols=True,
            file=sys.stderr,
        )

    def on_step_end(self, args: TrainingArguments, state: TrainerState) -> None:
        if self._bar is not None:
            self._bar.update(state.global_step - self._bar.n)

    def on_log(self, args: TrainingArguments, state: TrainerState, entry: Entry) -> None:
        if self._bar is None:
            return
        self._numbers |= {name: f"{entry[key]:.3g}" for key, name in _SHOWN.items() if key in entry}
        self._bar.set_postfix(self._numbers, refresh=False)
        if any(key.startswith("eval_") for key in entry):
            self._bar.write(entry_line(state, entry), file=sys.stderr)

    def on_run_end(self, args: TrainingArguments, state: TrainerState) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
