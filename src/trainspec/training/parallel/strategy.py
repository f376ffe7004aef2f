"""What the loop needs to know about other processes: each way of using several is a strategy, and none is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    import torch
    from torch import Tensor, nn


class Strategy(Protocol):
    world_size: int
    is_main: bool
    is_local_main: bool

    def prepare(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The module whose forward trains, on its device."""

    def unwrap(self, model: nn.Module) -> nn.Module:
        """The user's own module."""

    def accumulating(self, model: nn.Module, *, last: bool) -> AbstractContextManager[Any]:
        """Around one micro-batch; gradients are synchronised on the last of a window only."""

    def clip_gradients(self, parameters: Iterable[Tensor], max_norm: float) -> Tensor:
        """The global norm of all gradients, which are scaled down to `max_norm` where that is above zero."""

    def model_state(self, model: nn.Module) -> Mapping[str, Tensor]:
        """The complete weights under the names of the user's module."""
