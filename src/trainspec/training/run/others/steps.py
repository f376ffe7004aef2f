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
        clip = _clipping(trainer) if any(map(trainer.overrides, ("_clip_grad_norm", "_get_grad_norm"))) else None
        return cls(windows, own("_get_learning_rate"), clip, own("_maybe_log_save_evaluate"))


def _clipping(trainer: TrainerFace) -> Callable[[Any], Any]:
    def clip(model: Any) -> Any:
        return trainer.call_hook("_get_grad_norm", model, trainer.call_hook("_clip_grad_norm", model))

    return clip


def as_norm(told: Any, parameters: Iterable[Tensor]) -> Tensor:
    """What an override says of the gradient's norm, measured where it says nothing."""
    if told is None:
        return nn.utils.get_total_norm(value.grad for value in parameters if value.grad is not None)
    return told.detach() if isinstance(told, Tensor) else torch.tensor(float(told))
