"""Callbacks: adding and taking out, by object or by class, and telling them of each moment."""

from __future__ import annotations

from typing import Any

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
        if handler.has_listeners(event):
            parts.control = handler.call_event(event, self.args, parts.state, parts.control, **more)
