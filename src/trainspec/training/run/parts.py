"""What a run is made of. RunParts is the only owner of its state: the Trainer's attributes read and write it here."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainspec.storage import Outage, RetryPolicy, Store, open_store
from trainspec.training import interruption
from trainspec.training.callbacks.control import TrainerControl
from trainspec.training.checkpoint.manifest import Branch
from trainspec.training.errors import TrainingError
from trainspec.training.run.model import how_to_compute, take_model
from trainspec.training.state import TrainerState
from trainspec.training.trackers import TrackerGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler
    from torch.utils.data import DataLoader

    from trainspec.plan.events import Cadence
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.data import DataPosition, Place, Walk
    from trainspec.training.loss.items import MicroBatchItems
    from trainspec.training.loss.losses import Losses
    from trainspec.training.loss.own_step import OwnStep
    from trainspec.training.parallel import Agreement, Policy, Strategy
    from trainspec.training.precision.precision import Precision
    from trainspec.training.preflight.locking import Locked
    from trainspec.training.run.loop import TrainingLoop
    from trainspec.training.run.measuring.memory import MemoryTracker
    from trainspec.training.run.measuring.tokens import TokenCounter
    from trainspec.training.run.running_loss import RunningLoss
    from trainspec.training.run.saving.keeper import CheckpointKeeper

logger = logging.getLogger(__name__)


@dataclass
class Training:
    """What only a run that trains has, from the start of one train() to its end."""

    loader: DataLoader[Any]
    agreement: Agreement
    # Where the epoch that is under way began for this run.
    position: DataPosition
    # Through the rest of that epoch, where it was begun by another run.
    walk: Walk | None
    cadence: Cadence
    running_loss: RunningLoss
    keeper: CheckpointKeeper
    tokens: TokenCounter
    parameters: list[Tensor]
    resumed_from: Checkpoint | None = None
    # By time.time().
    began: float = field(default_factory=time.time)
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
    said_label_names: list[str] | None = None
    optimizer: Optimizer | None = None
    schedule: LRScheduler | None = None
    state: TrainerState = field(default_factory=TrainerState)
    control: TrainerControl = field(default_factory=TrainerControl)
    trackers: TrackerGroup = field(default_factory=lambda: TrackerGroup([]))
    # Which of those of output_dir its checkpoints are: one more where it goes back, and leaves newer ones behind.
    branch: Branch = field(default_factory=Branch)
    is_in_train: bool = False
    # Whether the last train() has put the weights of the best checkpoint into the model.
    holds_best: bool = False
    # Of the last train(): output_dir as this run holds it against others.
    locked: Locked | None = None
    # Whoever writes to output_dir after train(), too, ends by this what holds it; None: train() does.
    holding: ExitStack | None = None
    # Of the last train(), also after it: the loop, what of a search it belongs to, and the size of the window at work.
    loop: TrainingLoop | None = None
    trial: Any = None
    window_size: int = 1
    # Somebody's own way to bring a model to its device.
    place: Callable[[nn.Module], nn.Module] | None = None
    # Of the micro-batch that is at work; None where nobody counts them.
    items: MicroBatchItems | None = None
    # Of the micro-batch whose backward pass was the last, its part of the window's mean loss.
    part: Tensor | None = None
    # Where a subclass brings its own training_step.
    own_step: OwnStep | None = None
    # Of the checkpoint that is being saved: where the readers of a stream are.
    data_place: Place | None = None
    # The model's names for what the last predictions are made of.
    output_names: list[str] | None = None
    # The model, the settings and the loss function that all the rest has been made for.
    _made_for: tuple[Any, ...] = ()
    _output: tuple[str, Store] | None = None
    _said: set[str] = field(default_factory=set)

    @contextmanager
    def held(self) -> Iterator[None]:
        """What train() holds of output_dir is held until the end of the block: more is written there after it."""
        with ExitStack() as holding:
            holding.callback(setattr, self, "holding", None)
            self.holding = holding
            yield

    def say_once(self, warning: str) -> None:
        """However often there is reason to. Of several processes, which all have the same reason, the main one does."""
        if warning not in self._said and self.strategy.processes.is_main:
            self._said.add(warning)
            logger.warning("%s", warning)

    @property
    def current_model(self) -> nn.Module:
        """The user's own model. Another one is made ready when it is next used. Raises TrainingError in training."""
        return self.model

    @current_model.setter
    def current_model(self, model: nn.Module) -> None:
        if self.is_in_train:
            raise TrainingError("the model cannot be replaced while it trains: its optimizer holds the other's weights")
        self.model = self.model_wrapped = model

    @property
    def current_label_names(self) -> list[str]:
        """The names of labels in a batch: the settings' or the model's, until somebody says others."""
        return self.label_names

    @current_label_names.setter
    def current_label_names(self, names: list[str]) -> None:
        self.said_label_names = self.label_names = names
        if hasattr(self, "losses"):
            self.losses.names = names

    @property
    def current_optimizer(self) -> Optimizer | None:
        """The optimizer; another one takes over at the next update."""
        return self.optimizer

    @current_optimizer.setter
    def current_optimizer(self, optimizer: Optimizer | None) -> None:
        self.optimizer = optimizer
        if self.is_in_train and optimizer is not None:
            self.strategy.attach(optimizer, self.schedule)

    def make_ready(self, args: TrainingArguments, loss_function: Callable[..., Tensor] | None) -> None:
        """Make what hangs on the model and the settings anew where one of them is another; never while it trains."""
        wanted = (self.model, loss_function, how_to_compute(args))
        if self.is_in_train or _same(wanted, self._made_for):
            return
        take_model(self, args, loss_function)
        self._made_for = wanted

    def output(self, args: TrainingArguments) -> Store:
        """The store at output_dir."""
        if self._output is None or self._output[0] != args.output_dir:
            self._output = args.output_dir, open_store(args.output_dir, retry=patience(args))
        return self._output[1]

    def stepping(self) -> tuple[Optimizer, LRScheduler]:
        """The optimizer and its schedule. Raises RuntimeError before a run has made them."""
        if self.optimizer is None or self.schedule is None:
            raise RuntimeError("there is no optimizer yet: train() or create_optimizer_and_scheduler() makes it")
        return self.optimizer, self.schedule


# Of output_dir, whoever in this process asks for it.
_OUTAGE = Outage()


def patience(args: TrainingArguments) -> RetryPolicy:
    """How long a remote store is waited for: shorter once a signal has asked the process to end."""
    return RetryPolicy(args.storage_timeout_seconds, hurried=interruption.is_noted, outage=_OUTAGE)


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """The same model and function, and settings that say the same, whoever changed them and how."""
    return bool(other) and one[0] is other[0] and one[1] is other[1] and one[2] == other[2]
