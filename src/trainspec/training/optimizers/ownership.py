"""At most one optimizer updates a parameter in the backward pass: a new one, of any kind, takes over from the last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol
from weakref import ref

from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary


class Detachable(Protocol):
    def detach(self) -> None:
        """Let go of the model: its backward passes update nothing any more."""


_OWNERS = WeakTensorKeyDictionary()


def take(parameters: Iterable[Tensor], owner: Detachable) -> None:
    for parameter in parameters:
        _OWNERS[parameter] = ref(owner)


def release(parameters: Iterable[Tensor]) -> None:
    """Detach whatever optimizer of an earlier run still has its hooks on these."""
    for parameter in parameters if len(_OWNERS) else ():
        if parameter in _OWNERS:
            optimizer = _OWNERS[parameter]()
            del _OWNERS[parameter]
            if optimizer is not None:
                optimizer.detach()
