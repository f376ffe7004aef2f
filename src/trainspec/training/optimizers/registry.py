"""Which builder each value of `optim` names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from trainspec.training.optimizers.adamw import adamw, adamw_fused
from trainspec.training.optimizers.groups import parameter_groups

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments

Builder = Callable[[list[dict[str, Any]], "TrainingArguments"], torch.optim.Optimizer]

OPTIMIZERS: dict[str, Builder] = {
    "adamw_torch": adamw,
    "adamw_torch_fused": adamw_fused,
}


def build_optimizer(model: nn.Module, args: TrainingArguments) -> torch.optim.Optimizer:
    return OPTIMIZERS[args.optim](parameter_groups(model, args.weight_decay), args)
