"""torch's AdamW in the fastest form that the parameters' devices and dtypes allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainspec.settings.arguments import TrainingArguments

_FUSED_DEVICES = ("cpu", "cuda", "mps", "xpu")


def fused_works(parameters: Iterable[Tensor]) -> bool:
    return all(value.device.type in _FUSED_DEVICES and value.is_floating_point() for value in parameters)


def adamw(groups: list[dict[str, Any]], args: TrainingArguments) -> torch.optim.Optimizer:
    fused = fused_works(value for group in groups for value in group["params"])
    return _build(groups, args, fused=fused, foreach=not fused)


def adamw_fused(groups: list[dict[str, Any]], args: TrainingArguments) -> torch.optim.Optimizer:
    return _build(groups, args, fused=True, foreach=False)


def _build(
    groups: list[dict[str, Any]], args: TrainingArguments, *, fused: bool, foreach: bool
) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        groups,
        lr=args.learning_rate,
        betas=(args.adam_beta1, args.adam_beta2),
        eps=args.adam_epsilon,
        fused=fused,
        foreach=foreach,
    )
