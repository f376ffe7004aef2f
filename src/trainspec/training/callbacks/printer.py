"""PrinterCallback: a line of text for every log entry, for logs and pipes where a bar would be noise."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from trainspec.text.numbers import readable
from trainspec.training.callbacks.base import TrainerCallback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks.control import TrainerControl
    from trainspec.training.state import TrainerState

_HIDDEN = {"epoch", "step", "total_flos"}
_TALKATIVE = ("passive", "debug", "info")


def entry_line(state: TrainerState, entry: Mapping[str, Any]) -> str:
    numbers = [f"{key} {readable(value)}" for key, value in entry.items() if key not in _HIDDEN]
    return "  ".join([f"step {state.global_step}/{state.max_steps}", f"epoch {state.epoch:.2f}", *numbers])


class PrinterCallback(TrainerCallback):
    """On stderr, unless log_level asks for warnings only."""

    shows_progress = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if args.should_log and args.log_level in _TALKATIVE:
            sys.stderr.write(entry_line(state, logs or {}) + "\n")
