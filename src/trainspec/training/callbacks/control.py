"""TrainerControl: what callbacks ask the loop to do. ExportableState: what of a callback a checkpoint keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self


class ExportableState:
    """A callback with this base has its state saved with every checkpoint.

    A resumed run puts `attributes` back where they were; with restore_callback_states_from_checkpoint, `args` as well.
    """

    def state(self) -> dict[str, Any]:
        """`args`: what the constructor takes; `attributes`: what changes while training. Both plain JSON."""
        raise NotImplementedError(f"{type(self).__name__} is an ExportableState and must have a method state()")

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """A new object in the state that `state` described."""
        made = cls(**state.get("args", {}))
        for name, value in state.get("attributes", {}).items():
            setattr(made, name, value)
        return made


@dataclass
class TrainerControl(ExportableState):
    """Switches that callbacks set and the loop obeys; those of a step go off again when the next one begins."""

    should_training_stop: bool = False
    should_epoch_stop: bool = False
    should_save: bool = False
    should_evaluate: bool = False
    should_log: bool = False

    @property
    def asks(self) -> bool:
        """Whether any of them is on."""
        wanted = self.should_training_stop or self.should_epoch_stop
        return wanted or self.should_save or self.should_evaluate or self.should_log

    def new_training(self) -> None:
        self.should_training_stop = False

    def new_epoch(self) -> None:
        self.should_epoch_stop = False

    def new_step(self) -> None:
        self.should_save = False
        self.should_evaluate = False
        self.should_log = False

    def state(self) -> dict[str, Any]:
        return {
            "args": {
                "should_training_stop": self.should_training_stop,
                "should_epoch_stop": self.should_epoch_stop,
                "should_save": self.should_save,
                "should_evaluate": self.should_evaluate,
                "should_log": self.should_log,
            },
            "attributes": {},
        }
