"""What every part of the Trainer stands on: what it was given, and the run whose state its attributes show."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.storage import Store
    from trainspec.training.callbacks import CallbackHandler, TrainerControl
    from trainspec.training.run.parts import RunParts
    from trainspec.training.state import TrainerState

T = TypeVar("T")


class OfRun(Generic[T]):
    """An attribute under the name people know, that the run owns: read there, and written there.

    A subclass may set one before there is a run, which then begins with its own.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, trainer: None, owner: type) -> Self: ...

    @overload
    def __get__(self, trainer: TrainerAttributes, owner: type) -> T: ...

    def __get__(self, trainer: TrainerAttributes | None, owner: type) -> Self | T:
        if trainer is None:
            return self
        value: T = getattr(_run_of(trainer), self._name)
        return value

    def __set__(self, trainer: TrainerAttributes, value: T) -> None:
        setattr(_run_of(trainer), self._name, value)

    def __delete__(self, trainer: TrainerAttributes) -> None:
        setattr(_run_of(trainer), self._name, None)


def _run_of(trainer: TrainerAttributes) -> Any:
    return vars(trainer).setdefault("parts", SimpleNamespace())


class OutputOfRun:
    """`trainer.output`: the store at output_dir, as the settings name it now; a subclass may use the name otherwise."""

    def __get__(self, trainer: TrainerAttributes, owner: type) -> Store:
        return trainer.parts.output(trainer.args)


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
    given: tuple[Optimizer | None, LRScheduler | None]

    model: OfRun[nn.Module] = OfRun("current_model")
    model_wrapped: OfRun[nn.Module] = OfRun("model_wrapped")
    optimizer: OfRun[Optimizer | None] = OfRun("current_optimizer")
    lr_scheduler: OfRun[LRScheduler | None] = OfRun("schedule")
    state: OfRun[TrainerState] = OfRun("state")
    control: OfRun[TrainerControl] = OfRun("control")
    is_in_train: OfRun[bool] = OfRun("is_in_train")
    label_names: OfRun[list[str]] = OfRun("current_label_names")
    output = OutputOfRun()

    def _ready_model(self) -> None:
        """Have the run ready to work with the model and the settings that are there now."""
        self.parts.make_ready(self.args, self.compute_loss_func)
