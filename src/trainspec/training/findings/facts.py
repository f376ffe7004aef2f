"""What preflight compares valid settings with: the machine, and what the Trainer was given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic


@dataclass(frozen=True)
class Machine:
    """What preflight needs to know of the machine."""

    device: torch.device
    world_size: int
    bf16: bool
    tf32: bool


@dataclass(frozen=True)
class Job:
    """What a Trainer was given to work on.

    `makes_its_own_loader` and `evaluates_by_itself`: a subclass brings its own data. `chooses_its_columns`,
    `orders_rows_itself`: it says what of a row is used, and which rows come when. `optimizer` and `schedule` are the
    pair that was given, None where settings make them. `has_an_optimizer`: the user gave one, or its class, whatever
    `optim` says. `metric_names` evaluates one batch and says which metrics came of it, None where that could not be
    found out. `computes_loss`: something other than the model makes a loss of outputs and labels. `stacks_rows`: rows
    become batches as they are, by no collator. `loss_of_one_batch` raises ModelOutputError where the model gives none.
    `saves_itself`: the methods by which a subclass writes files of a checkpoint.
    """

    model: nn.Module
    train_dataset: Any
    eval_dataset: Any
    compute_metrics: Callable[..., Any] | None
    makes_its_own_loader: bool = False
    evaluates_by_itself: bool = False
    has_an_optimizer: bool = False
    computes_loss: bool = False
    stacks_rows: bool = False
    loss_of_one_batch: Callable[[], Any] | None = None
    optimizer: Any = None
    schedule: Any = None
    chooses_its_columns: bool = False
    orders_rows_itself: bool = False
    metric_names: Callable[[], Collection[str] | None] | None = None
    saves_itself: Collection[str] = ()


# Everything that one part of a run needs and does not find here.
Need = Callable[["TrainingArguments", Machine, Job], Iterator["Diagnostic"]]
