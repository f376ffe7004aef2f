"""Which steps of the loop somebody else takes, found out once: an update must not pay for asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trainspec.training.face import TrainerFace


@dataclass(frozen=True, slots=True)
class OwnSteps:
    """Overrides that are asked in every update; None where there is none."""

    windows: bool
    rate: Callable[[], float] | None
    clip: Callable[[Any], Any] | None
    acts: Callable[..., Any] | None

    @classmethod
    def of(cls, trainer: TrainerFace) -> OwnSteps:
        def own(name: str) -> Any:
            return getattr(trainer, name) if trainer.overrides(name) else None

        windows = trainer.overrides("get_batch_samples") or trainer.overrides("_get_num_items_in_batch")
        return cls(windows, own("_get_learning_rate"), own("_clip_grad_norm"), own("_maybe_log_save_evaluate"))


def as_norm(told: Any, parameters: Iterable[Tensor]) -> Tensor:
    """What an override says of the gradient's norm, measured where it says nothing."""
    if told is None:
        return nn.utils.get_total_norm(value.grad for value in parameters if value.grad is not None)
    return told.detach() if isinstance(told, Tensor) else torch.tensor(float(told))
