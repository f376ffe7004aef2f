"""What a run is made of. RunParts is the only owner of its state: the Trainer's attributes read and write it here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainspec.training.callbacks.control import TrainerControl
from trainspec.training.state import TrainerState
from trainspec.training.trackers import TrackerGroup

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler
    from torch.utils.data import DataLoader

    from trainspec.plan.events import Cadence
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.data.position import DataPosition
    from trainspec.training.loss.items import MicroBatchItems
    from trainspec.training.loss.losses import Losses
    from trainspec.training.parallel import Agreement, Policy, Strategy
    from trainspec.training.precision.precision import Precision
    from trainspec.training.run.keeper import CheckpointKeeper
    from trainspec.training.run.memory import MemoryTracker
    from trainspec.training.run.running_loss import RunningLoss
    from trainspec.training.run.tokens import TokenCounter


@dataclass
class Training:
    """What only a run that trains has, from the start of one train() to its end."""

    loader: DataLoader[Any]
    agreement: Agreement
    # Where the epoch that is under way began for this run.
    position: DataPosition
    cadence: Cadence
    running_loss: RunningLoss
    keeper: CheckpointKeeper
    tokens: TokenCounter
    parameters: list[Tensor]
    resumed_from: Checkpoint | None = None
    rows_seen: int = 0
    tokens_seen: int = 0


@dataclass
class RunParts:
    """The model and all that works on it. `model` is the user's own; `model_wrapped` is the one that is called."""

    device: torch.device
    strategy: Strategy
    memory: MemoryTracker
    model: nn.Module = field(init=False)
    model_wrapped: nn.Module = field(init=False)
    precision: Precision = field(init=False)
    policy: Policy = field(init=False)
    losses: Losses = field(init=False)
    label_names: list[str] = field(init=False)
    ignored_keys: list[str] = field(init=False)
    optimizer: Optimizer | None = None
    schedule: LRScheduler | None = None
    state: TrainerState = field(default_factory=TrainerState)
    control: TrainerControl = field(default_factory=TrainerControl)
    trackers: TrackerGroup = field(default_factory=lambda: TrackerGroup([]))
    is_in_train: bool = False
    # Whether all that hangs on the model is that of the model which is there now.
    is_ready: bool = False
    # Of the micro-batch that is at work; None where nobody counts them.
    items: MicroBatchItems | None = None

    def replace_model(self, model: nn.Module) -> None:
        """Another model from now on, which nothing has made ready yet."""
        self.model = self.model_wrapped = model
        self.is_ready = False

    def stepping(self) -> tuple[Optimizer, LRScheduler]:
        """The optimizer and its schedule. Raises RuntimeError before a run has made them."""
        if self.optimizer is None or self.schedule is None:
            raise RuntimeError("there is no optimizer yet: train() or create_optimizer_and_scheduler() makes it")
        return self.optimizer, self.schedule
