"""One process, one device."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainspec.training.model.inside import unwrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class SingleProcess:
    world_size = 1
    is_main = True
    is_local_main = True

    def prepare(self, model: nn.Module, device: torch.device) -> nn.Module:
        return model.to(device)

    def unwrap(self, model: nn.Module) -> nn.Module:
        return unwrap(model)

    def accumulating(self, model: nn.Module, *, last: bool) -> AbstractContextManager[Any]:
        return nullcontext()

    def clip_gradients(self, parameters: Iterable[Tensor], max_norm: float) -> Tensor:
        if max_norm > 0:
            return nn.utils.clip_grad_norm_(parameters, max_norm)
        return nn.utils.get_total_norm(value.grad for value in parameters if value.grad is not None)

    def model_state(self, model: nn.Module) -> Mapping[str, Tensor]:
        return unwrap(model).state_dict()
