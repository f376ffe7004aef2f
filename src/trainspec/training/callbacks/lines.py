"""A line of text for every log entry, for logs and pipes where a bar would be noise."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from trainspec.training.callbacks.base import Callback, Entry

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.state import TrainerState

logger = logging.getLogger(__name__)

_HIDDEN = {"epoch", "step"}


def entry_line(state: TrainerState, entry: Entry) -> str:
    numbers = [f"{key} {_short(value)}" for key, value in entry.items() if key not in _HIDDEN]
    return "  ".join([f"step {state.global_step}/{state.max_steps}", f"epoch {state.epoch:.2f}", *numbers])


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class Lines(Callback):
    def on_log(self, args: TrainingArguments, state: TrainerState, entry: Entry) -> None:
        logger.info(entry_line(state, entry))
