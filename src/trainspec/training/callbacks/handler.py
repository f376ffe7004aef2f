"""The callbacks of a Trainer, asked at each moment in their order; those with nothing to say there cost nothing."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from trainspec.training.callbacks.base import EVENTS, TrainerCallback, is_ours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks.control import TrainerControl
    from trainspec.training.state import TrainerState

logger = logging.getLogger(__name__)

# What these moments are told beside the state, and what callbacks had asked for and now have.
_TOLD = {"on_log": ("logs",), "on_evaluate": ("metrics",), "on_predict": ("metrics",)}
_SWITCHED_OFF = {
    "on_train_begin": ("should_training_stop",),
    "on_epoch_begin": ("should_epoch_stop",),
    "on_step_begin": ("should_log", "should_evaluate", "should_save"),
    "on_log": ("should_log",),
    "on_evaluate": ("should_evaluate",),
    "on_save": ("should_save",),
}
# An object with methods of these names will do; transformers' own callbacks are such.
Callback = Any


class CallbackHandler:
    """Holds the callbacks, and what they are told by keyword: the attributes here may be set at any time."""

    def __init__(
        self,
        callbacks: Iterable[Callback | type[Callback]],
        model: Any,
        processing_class: Any,
        optimizer: Any = None,
        lr_scheduler: Any = None,
    ) -> None:
        self.callbacks: list[Callback] = []
        self.model = model
        self.processing_class = processing_class
        self.optimizer = optimizer
        self.lr_scheduler = lr_scheduler
        self.train_dataloader: Any = None
        self.eval_dataloader: Any = None
        self.listeners: dict[str, list[Callable[..., Any]]] = {}
        self.all_ours = True  # and so all ask for the same in every process
        for callback in callbacks:
            self.add_callback(callback)

    def add_callback(self, callback: Callback | type[Callback]) -> None:
        """An object, or a class that is then made without arguments."""
        made = callback() if isinstance(callback, type) else callback
        if type(made) in {type(known) for known in self.callbacks}:
            logger.warning("there is a %s among the callbacks already; both will run", type(made).__name__)
        self._insert(made)
        self.listen()

    def _insert(self, callback: Callback) -> None:
        # What shows progress stays last, whatever comes after it.
        at = len(self.callbacks)
        if not getattr(callback, "shows_progress", False):
            while at and getattr(self.callbacks[at - 1], "shows_progress", False):
                at -= 1
        self.callbacks.insert(at, callback)

    def pop_callback(self, callback: Callback | type[Callback]) -> Callback | None:
        """Take the object, or the first of the class, out of the list; None where there is none."""
        for known in self.callbacks:
            if known is callback or (isinstance(callback, type) and isinstance(known, callback)):
                self.callbacks.remove(known)
                self.listen()
                return known
        return None

    def remove_callback(self, callback: Callback | type[Callback]) -> None:
        self.pop_callback(callback)

    @property
    def callback_list(self) -> str:
        return "\n".join(type(callback).__name__ for callback in self.callbacks)

    def listen(self) -> None:
        """Find out anew who has something to say at which moment; needed after changing `callbacks` directly."""
        found = {
            event: [getattr(callback, event) for callback in self.callbacks if _hears(callback, event)]
            for event in EVENTS
        }
        # Moments that nobody hears of are not in here: asking for one then takes a single look.
        self.listeners = {event: listeners for event, listeners in found.items() if listeners}
        self.all_ours = all(is_ours(type(callback)) for callback in self.callbacks)

    def has_listeners(self, event: str) -> bool:
        return event in self.listeners

    def abandon(self) -> None:
        """Training broke off: callbacks with a method `abandon` put away what they hold open."""
        for callback in self.callbacks:
            if callable(abandon := getattr(callback, "abandon", None)):
                abandon()

    def __getattr__(self, name: str) -> Callable[..., TrainerControl]:
        """`on_evaluate(args, state, control, metrics)` and the like: what scripts with a loop of their own call."""
        if name not in EVENTS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return partial(self._moment, name)

    def _moment(
        self, event: str, args: TrainingArguments, state: TrainerState, control: TrainerControl, *told: Any, **more: Any
    ) -> TrainerControl:
        for switch in _SWITCHED_OFF.get(event, ()):
            setattr(control, switch, False)
        # Whoever calls this may have changed `callbacks` directly.
        self.listen()
        names = _TOLD.get(event, ())[: len(told)]
        return self.call_event(event, args, state, control, **dict(zip(names, told, strict=True)), **more)

    def call_event(
        self, event: str, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> TrainerControl:
        """Ask every callback that has something to say; returns the control that holds from now on."""
        listeners = self.listeners.get(event)
        if not listeners:
            return control
        known = {
            "model": self.model,
            "processing_class": self.processing_class,
            "tokenizer": self.processing_class,
            "optimizer": self.optimizer,
            "lr_scheduler": self.lr_scheduler,
            "train_dataloader": self.train_dataloader,
            "eval_dataloader": self.eval_dataloader,
            **more,
        }
        for listener in listeners:
            answer = listener(args, state, control, **known)
            if answer is not None:
                control = answer
        return control


def _hears(callback: Callback, event: str) -> bool:
    own = getattr(type(callback), event, None)
    return event in vars(callback) or (own is not None and own is not getattr(TrainerCallback, event))
