"""What a run asks of the Trainer: the methods that people override, and what it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks import CallbackHandler
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.checkpoint.contents import Contents
    from trainspec.training.evaluation.results import TrainOutput
    from trainspec.training.loss.items import MicroBatchItems
    from trainspec.training.run.others.handed import OwnFiles
    from trainspec.training.run.parts import RunParts
    from trainspec.training.run.running_loss import RunningLoss


class TrainerFace(Protocol):
    """A run knows the Trainer by this alone, so that what runs can be read without what people see of it."""

    args: TrainingArguments
    parts: RunParts
    callback_handler: CallbackHandler
    processing_class: Any
    given: tuple[Optimizer | None, LRScheduler | None]

    # What its subclasses may know of a run, and set.
    _globalstep_last_logged: int
    _total_loss_scalar: float

    @property
    def _save_checkpoint(self) -> Any: ...

    def overrides(self, name: str) -> bool: ...

    def call_hook(self, name: str, *values: Any) -> Any: ...

    def train_once(self, checkpoint: Checkpoint | None, ignored: list[str] | None) -> TrainOutput: ...

    def load_checkpoint_weights(self, checkpoint: Checkpoint) -> None: ...

    def restore_steppers(self, checkpoint: Checkpoint, contents: Contents) -> None: ...

    def restore_rng(self, checkpoint: Checkpoint) -> None: ...

    def own_files(self) -> OwnFiles: ...

    def saved_processing(self) -> Any: ...

    def begin_counting(self, running: RunningLoss) -> None: ...

    def mean_loss(self, running: RunningLoss) -> float: ...

    def is_all_ours(self) -> bool: ...

    def fire(self, event: str, **more: Any) -> None: ...

    def log(self, logs: dict[str, float]) -> None: ...

    def evaluate(self, *, ignore_keys: list[str] | None = None) -> dict[str, float]: ...

    def training_step(self, model: nn.Module, inputs: Any, num_items_in_batch: Tensor | None = None) -> Tensor: ...

    def compute_loss(
        self, model: nn.Module, inputs: Any, return_outputs: bool = False, num_items_in_batch: Tensor | None = None
    ) -> Any: ...

    def counts_items(self) -> bool: ...

    def steps_itself(self) -> bool: ...

    def told_count(self, items: MicroBatchItems) -> Tensor: ...

    def operations_counter(self) -> Callable[[Any], float]: ...

    def get_train_dataloader(self) -> Any: ...

    def makes_its_own_steps(self) -> bool: ...

    def create_optimizer_and_scheduler(self, num_training_steps: int) -> None: ...

    def after_save(self, checkpoint: Checkpoint) -> None: ...

    def after_training(self) -> None: ...
