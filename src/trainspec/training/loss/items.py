"""How many items an accumulation window has, and what part of them one micro-batch holds.

An item is what a loss is a mean over: a label that counts, or a row. Counts are tensors that stay on the device of the
labels, so that nothing waits for an accelerator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trainspec.training.model.counting import weigh

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class MicroBatchItems:
    """`count`: the items of one micro-batch; `total`: those of the window it belongs to. Integers without dimension."""

    count: Tensor
    total: Tensor

    @property
    def is_empty(self) -> bool:
        """Whether it is known without waiting that the micro-batch has no item, and so counts for nothing."""
        return self.count.device.type == "cpu" and not self.count.item()

    @property
    def share(self) -> float | None:
        """Its part of the items of the window; None where that cannot be known without waiting, or there are none."""
        if self.count.device.type != "cpu" or self.total.device.type != "cpu":
            return None
        whole = self.total.item()
        return self.count.item() / whole if whole else None

    def divisor(self, device: torch.device) -> Tensor:
        """The count as something to divide a sum by: also the sum of nothing, which is zero."""
        return self.count.clamp(min=1).to(device, non_blocking=True)

    def part_of_window(self, loss: Tensor) -> Tensor:
        """A mean over the micro-batch as its part of the mean over the window: these parts add up to that mean.

        The mean over no item is nan, and would spoil the others: it is a part of zero, but for a window of nothing.
        """
        if self.is_empty:
            return loss.new_zeros(()) if self.total.item() else loss.new_full((), math.nan)
        share = self.share
        if share is not None:
            # Numbers are there, and quicker than tensors. What is all of a window is its mean already.
            return loss if share == 1 else loss * share
        count, total = self.count, self.total
        # Apple's GPUs have no float64; half precision cannot hold the counts.
        wide = torch.float64 if loss.dtype is torch.float64 else torch.float32
        return torch.where(count > 0, loss * (count.to(wide) / total.to(wide)), 0.0)


def items_of(window: Sequence[Any], names: Sequence[str], *, shifted: bool) -> list[MicroBatchItems]:
    """The items of every micro-batch of a window; `shifted`: the model takes no loss at the first place of a row."""
    counts = [weigh(batch, names, shifted=shifted) for batch in window]
    home = counts[0].device
    total = counts[0] if len(counts) == 1 else torch.stack([count.to(home) for count in counts]).sum()
    return [MicroBatchItems(count, total) for count in counts]
