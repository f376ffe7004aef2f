"""Adding and taking out callbacks, by object or by class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainspec.training.callbacks import CallbackHandler


class Listening:
    callback_handler: CallbackHandler

    def add_callback(self, callback: Any) -> None:
        """A callback, or a class of one that is then made without arguments."""
        self.callback_handler.add_callback(callback)

    def pop_callback(self, callback: Any) -> Any:
        """Take a callback out, by itself or by its class, and return it; None where there is none."""
        return self.callback_handler.pop_callback(callback)

    def remove_callback(self, callback: Any) -> None:
        """Take a callback out, by itself or by its class."""
        self.callback_handler.remove_callback(callback)
