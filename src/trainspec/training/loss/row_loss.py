"""The mean loss over the rows of an evaluation, kept on the device until somebody needs the number."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# So many losses are kept before they are summed up: memory must not grow with the rows.
_KEPT = 64


class RowLoss:
    """Losses of batches, each a mean over its rows, as one mean over all rows: a short last batch counts as what it is.

    `keeps_all` holds on to every loss, for `each_row`. Nothing waits for the device before `mean` or `each_row`.
    """

    def __init__(self, *, keeps_all: bool) -> None:
        self._keeps_all = keeps_all
        self._losses: list[Tensor] = []
        self._sizes: list[int] = []
        self._total: Tensor | None = None
        self._rows = 0
        self._all: list[Tensor] = []

    def add(self, loss: Tensor, rows: int) -> None:
        self._losses.append(loss.detach() if loss.requires_grad else loss)
        self._sizes.append(rows)
        if len(self._losses) >= _KEPT:
            self._sum_up()

    def _sum_up(self) -> None:
        if not self._losses:
            return
        # Apple's GPUs have no float64.
        wide = torch.float32 if self._losses[0].device.type == "mps" else torch.float64
        losses = torch.stack([loss.reshape(()) for loss in self._losses]).to(wide)
        sizes = torch.tensor(self._sizes, device=losses.device)
        part = (losses * sizes).sum()
        self._total = part if self._total is None else self._total + part
        self._rows += sum(self._sizes)
        if self._keeps_all:
            self._all.append(losses.float().repeat_interleave(sizes))
        self._losses, self._sizes = [], []

    def mean(self) -> float | None:
        """None where no batch had a loss."""
        self._sum_up()
        return None if self._total is None else self._total.item() / self._rows

    def each_row(self) -> Any:
        """The loss of every row as an array, a batch's mean standing for each of its rows; None where not kept."""
        self._sum_up()
        return torch.cat(self._all).cpu().numpy() if self._all else None
