"""The number of items in an accumulation window, as a tensor that knows whether it was used."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# What code asks of a tensor without counting with the number; __get__ is for attributes such as device.
_LOOKS = ("__get__", "dim", "size", "numel", "is_floating_point", "get_device")


class ItemCount(Tensor):
    """A number without dimension. `used` turns true with the first operation on it.

    A loss that divides by the items of the whole window needs no further scaling; one that is a mean over its own
    batch does. Signatures do not tell which is which: many take `num_items_in_batch`, or any keyword, and ignore it.
    """

    used: bool
    number: int

    @staticmethod
    def of(items: int) -> ItemCount:
        count = torch.tensor(items).as_subclass(ItemCount)
        count.used = False
        count.number = items
        return count

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        looks = getattr(function, "__name__", "") in _LOOKS
        with torch._C.DisableTorchFunctionSubclass():
            plain = [_plain(value, mark=not looks) for value in args]
            named = {key: _plain(value, mark=not looks) for key, value in (kwargs or {}).items()}
            return function(*plain, **named)

    def plain(self) -> Tensor:
        """The same number as an ordinary tensor."""
        with torch._C.DisableTorchFunctionSubclass():
            return self.as_subclass(Tensor)


def _plain(value: Any, *, mark: bool) -> Any:
    if not isinstance(value, ItemCount):
        return value
    if mark:
        value.used = True
    return value.as_subclass(Tensor)
