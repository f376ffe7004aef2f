"""What every part of the Trainer stands on: what it was given, and the run whose state its attributes show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from trainspec.storage import Store, open_store
from trainspec.training.run.model import take_model

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks import CallbackHandler, TrainerControl
    from trainspec.training.loss.losses import Losses
    from trainspec.training.parallel import Strategy
    from trainspec.training.precision.precision import Precision
    from trainspec.training.run.memory import MemoryTracker
    from trainspec.training.run.parts import RunParts
    from trainspec.training.state import TrainerState
    from trainspec.training.trackers import TrackerGroup

T = TypeVar("T")


class OfRun(Generic[T]):
    """An attribute under the name people know, that the run owns: read there, and written there."""

    def __init__(self, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, trainer: None, owner: type) -> Self: ...

    @overload
    def __get__(self, trainer: TrainerAttributes, owner: type) -> T: ...

    def __get__(self, trainer: TrainerAttributes | None, owner: type) -> Self | T:
        if trainer is None:
            return self
        value: T = getattr(trainer.parts, self._name)
        return value

    def __set__(self, trainer: TrainerAttributes, value: T) -> None:
        setattr(trainer.parts, self._name, value)


class TrainerAttributes:
    args: TrainingArguments
    parts: RunParts
    callback_handler: CallbackHandler
    processing_class: Any
    train_dataset: Any
    eval_dataset: Any
    data_collator: Callable[[Any], Any]
    compute_loss_func: Callable[..., Any] | None
    compute_metrics: Callable[..., Any] | None
    _output: tuple[str, Store] | None = None

    model_wrapped: OfRun[nn.Module] = OfRun("model_wrapped")
    optimizer: OfRun[Optimizer | None] = OfRun("optimizer")
    lr_scheduler: OfRun[LRScheduler | None] = OfRun("schedule")
    state: OfRun[TrainerState] = OfRun("state")
    control: OfRun[TrainerControl] = OfRun("control")
    trackers: OfRun[TrackerGroup] = OfRun("trackers")
    is_in_train: OfRun[bool] = OfRun("is_in_train")
    device: OfRun[torch.device] = OfRun("device")
    strategy: OfRun[Strategy] = OfRun("strategy")
    precision: OfRun[Precision] = OfRun("precision")
    losses: OfRun[Losses] = OfRun("losses")
    label_names: OfRun[list[str]] = OfRun("label_names")
    memory: OfRun[MemoryTracker] = OfRun("memory")

    @property
    def model(self) -> nn.Module:
        """The user's own module. A new one is placed, compiled and put into its number format when it is first used."""
        return self.parts.model

    @model.setter
    def model(self, model: nn.Module) -> None:
        self.parts.replace_model(model)

    def _ready_model(self) -> None:
        """Have the run ready to work with the model that is there now."""
        if not self.parts.is_ready:
            take_model(self.parts, self.args, self.compute_loss_func)

    @property
    def output(self) -> Store:
        """The store at output_dir, as the settings name it now."""
        if self._output is None or self._output[0] != self.args.output_dir:
            self._output = self.args.output_dir, open_store(self.args.output_dir)
        return self._output[1]
