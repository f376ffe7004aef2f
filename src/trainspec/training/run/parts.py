"""What one run is made of, wired together by the Trainer and used by the loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler
    from torch.utils.data import DataLoader

    from trainspec.plan.events import Cadence
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.parallel import Strategy
    from trainspec.training.precision.precision import Precision
    from trainspec.training.run.keeper import CheckpointKeeper
    from trainspec.training.run.running_loss import RunningLoss
    from trainspec.training.run.tokens import TokenCounter
    from trainspec.training.state import TrainerState
    from trainspec.training.trackers import TrackerGroup


@dataclass
class RunParts:
    model: nn.Module
    loader: DataLoader[Any]
    optimizer: Optimizer
    schedule: LRScheduler
    precision: Precision
    strategy: Strategy
    state: TrainerState
    cadence: Cadence
    losses: RunningLoss
    keeper: CheckpointKeeper
    trackers: TrackerGroup
    tokens: TokenCounter
    label_names: list[str]
    resumed_from: Checkpoint | None
    rows_seen: int = 0
    tokens_seen: int = 0
    parameters: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.parameters = [value for value in self.model.parameters() if value.requires_grad]
