"""Callbacks and trackers: adding and taking out, and telling them of each moment and of each entry of the log."""

from __future__ import annotations

import time
from typing import Any

from trainspec.training.callbacks.base import is_ours
from trainspec.training.evaluation.plain import is_plain, plain_metrics
from trainspec.training.evaluation.results import speed_metrics
from trainspec.training.trainer.attributes import TrainerAttributes


class Listeners(TrainerAttributes):
    def add_callback(self, callback: Any) -> None:
        """A callback, or a class of one that is then made without arguments."""
        self.callback_handler.add_callback(callback)

    def pop_callback(self, callback: Any) -> Any:
        """Take a callback out, by itself or by its class, and return it; None where there is none."""
        return self.callback_handler.pop_callback(callback)

    def remove_callback(self, callback: Any) -> None:
        """Take a callback out, by itself or by its class."""
        self.callback_handler.remove_callback(callback)

    def fire(self, event: str, **more: Any) -> None:
        """Tell every callback of a moment (`on_log`, ...); the control that they answer with holds from then on."""
        handler, parts = self.callback_handler, self.parts
        if event in handler.listeners:
            parts.control = handler.call_event(event, self.args, parts.state, parts.control, **more)

    def is_all_ours(self) -> bool:
        """Whether neither a subclass nor a callback could ask for something in one process alone."""
        return self.callback_handler.all_ours and is_ours(type(self))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the epoch to an entry, take it into the history and hand it to trackers and callbacks.

        Numbers of numpy and torch become Python's, arrays lists. Raises MetricError for what no log can hold.

        `start_time` (of time.time()) adds how fast training went since then.
        """
        logs["epoch"] = self.state.epoch
        entry = dict(logs) if is_plain(logs) else plain_metrics(logs, "log")
        if self.args.include_num_input_tokens_seen not in (None, False, "no"):
            entry["num_input_tokens_seen"] = self.state.num_input_tokens_seen
        if start_time is not None:
            passed = time.time() - start_time
            entry |= {
                f"train_{name}": value for name, value in speed_metrics(passed, steps=self.state.global_step).items()
            }
        self.state.log_history.append({**entry, "step": self.state.global_step})
        self.parts.trackers.log(self.state.log_history[-1])
        self.fire("on_log", logs=entry)
