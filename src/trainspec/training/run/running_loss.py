"""The mean loss between two log entries, kept on the device until somebody needs the number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

# So many losses are kept before they are summed up: one sum of many is cheaper than many small ones.
_KEPT = 64


class RunningLoss:
    """Sums of the losses since the last entry and since the start.

    With the filter on, a loss that is nan or infinite enters as the average so far, which is the same as leaving it out
    of both the sum and the count. Nothing here waits for the device before `take` or `overall`; of several processes
    all must come to every method alike.
    """

    def __init__(
        self,
        device: torch.device,
        filter_nonfinite: bool,
        *,
        copies: bool = True,
        total: Callable[[Tensor], Tensor] = lambda values: values,
    ) -> None:
        # Of what every process has, which is a part of the loss of each update.
        self._total = total
        self._filter = filter_nonfinite
        # A compiled model may hand out the same memory each time.
        self._copies = copies
        # Apple's GPUs have no float64.
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        self._sums = torch.zeros(2, dtype=self._dtype, device=device)
        self._counts = torch.zeros(2, dtype=self._dtype, device=device)
        self._kept: list[Tensor] = []
        self._last = math.nan

    def add(self, loss: Tensor) -> Tensor:
        """Take in a loss; returns what is kept of it."""
        kept = loss.detach().clone() if self._copies else loss.detach()
        self._kept.append(kept)
        if len(self._kept) >= _KEPT:
            self._sum_up()
        return kept

    def _sum_up(self) -> None:
        if not self._kept:
            return
        values = self._total(torch.stack(self._kept).to(self._dtype))
        counted = torch.isfinite(values) if self._filter else torch.ones_like(values, dtype=torch.bool)
        self._sums += torch.where(counted, values, 0.0).sum()
        self._counts += counted.sum()
        self._kept.clear()

    def take(self) -> float:
        """The mean since the last call (the previous mean where every loss was filtered out), and start anew."""
        self._sum_up()
        total, count = self._sums[0].item(), self._counts[0].item()
        if count:
            self._last = total / count
        self._sums[0] = 0.0
        self._counts[0] = 0.0
        return self._last

    @contextmanager
    def open_to_others(self, logged_at: Callable[[], int]) -> Iterator[Tensor]:
        """The sum since the last entry, for code that zeroes it in place when it has logged it.

        `logged_at` tells the update of the last entry.
        """
        self._sum_up()
        before = logged_at()
        yield self._sums[0]
        if logged_at() != before:
            self._counts[0] = 0.0

    def unlogged(self) -> int:
        """The number of losses since the last entry."""
        self._sum_up()
        return int(self._counts[0].item())

    def logged(self) -> float:
        """The sum of all that entries have told of."""
        self._sum_up()
        return (self._sums[1] - self._sums[0]).item()

    def overall(self, logged: float | None = None) -> float:
        """The mean since the start; `logged` is the sum that entries told of, where somebody else knows it."""
        self._sum_up()
        total, count = self._sums[1].item(), self._counts[1].item()
        if logged is not None:
            total = logged + self._sums[0].item()
        return total / count if count else math.nan

    def state_dict(self) -> dict[str, list[str]]:
        """As text: exact, and JSON has no nan."""
        self._sum_up()
        return {
            "sums": [repr(value) for value in self._sums.tolist()],
            "counts": [repr(value) for value in self._counts.tolist()],
            "last": [repr(self._last)],
        }

    def load_state_dict(self, state: dict[str, list[str]]) -> None:
        for tensor, texts in ((self._sums, state["sums"]), (self._counts, state["counts"])):
            tensor.copy_(torch.tensor([float(text) for text in texts], dtype=self._dtype))
        self._last = float(state["last"][0])
