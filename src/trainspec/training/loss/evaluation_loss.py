"""The mean loss of an evaluation, kept on the device until somebody needs the number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trainspec.training.model.counting import count_rows, labels_that_count, weigh

if TYPE_CHECKING:
    from collections.abc import Sequence

# So many losses are kept before they are summed up: memory must not grow with the rows.
_KEPT = 64


class EvaluationLoss:
    """Losses of batches, each a mean over its items, as one mean over all items, which training takes as well.

    A batch counts by its labels that count (else by its rows), and one without any for nothing, whatever its loss.
    `keeps_all` holds on to every loss, for `each_row`. Nothing waits for the device before `mean` or `each_row`.
    """

    def __init__(self, label_names: Sequence[str] = (), *, shifted: bool = False, keeps_all: bool = False) -> None:
        self._names, self._shifted = label_names, shifted
        self.keeps_all = keeps_all
        self._losses: list[Tensor] = []
        self._weights: list[Tensor] = []
        self._sums: Tensor | None = None
        self._all: list[Tensor] = []
        # Batches of which one column of several had no label that counts, and the loss was nan.
        self.left_out: Tensor | None = None

    def add(self, loss: Any, batch: Any) -> None:
        """`loss`: of the batch, or one for each of its rows or labels."""
        loss = loss.detach() if isinstance(loss, Tensor) else torch.as_tensor(loss)
        columns = labels_that_count(batch, self._names, shifted=self._shifted)
        weight = weigh(batch, self._names, shifted=self._shifted)
        mean = loss.reshape(()) if loss.numel() == 1 else self._mean_of(loss, columns)
        if len(columns) > 1:
            weight = self._without_an_empty_column(mean, weight, columns)
        if self.keeps_all:
            self._all.append(self._by_row(loss, mean, weight, count_rows(batch, self._names)))
        self._losses.append(mean)
        self._weights.append(weight)
        if len(self._losses) >= _KEPT:
            self._sum_up()

    def _without_an_empty_column(self, mean: Tensor, weight: Tensor, columns: Sequence[Tensor]) -> Tensor:
        """Nothing for a batch whose loss, a sum of means, is nan because one of its columns is masked altogether."""
        empty = ~torch.stack([column.any().to(mean.device) for column in columns]).all() & ~torch.isfinite(mean)
        self.left_out = empty.sum() if self.left_out is None else self.left_out + empty.sum()
        return torch.where(empty, 0, weight.to(mean.device))

    @staticmethod
    def _mean_of(losses: Tensor, columns: Sequence[Tensor]) -> Tensor:
        """Of losses for rows or for labels: an override's, which takes no mean itself."""
        each = losses.reshape(-1)
        weights = torch.ones_like(each)
        if len(columns) == 1:
            (mask,) = columns
            if mask.numel() == len(each):
                weights = mask.reshape(-1).to(each)
            elif mask.dim() and len(mask) == len(each):
                weights = mask.reshape(len(mask), -1).sum(1).to(each)
        return torch.where(weights > 0, each * weights, 0.0).sum() / weights.sum().clamp(min=1)

    @staticmethod
    def _by_row(loss: Tensor, mean: Tensor, weight: Tensor, rows: int) -> Tensor:
        each = loss.reshape(-1) if loss.numel() == rows else mean.expand(rows)
        return torch.where(weight.to(each.device) > 0, each, 0.0).float()

    def _sum_up(self) -> None:
        if not self._losses:
            return
        # Apple's GPUs have no float64.
        wide = torch.float32 if self._losses[0].device.type == "mps" else torch.float64
        losses = torch.stack(self._losses).to(wide)
        weights = torch.stack([weight.to(losses.device, non_blocking=True) for weight in self._weights])
        # The mean over no item is nan, and must not spoil the others.
        sums = torch.stack([torch.where(weights > 0, losses * weights, 0.0).sum(), weights.sum().to(wide)])
        self._sums = sums if self._sums is None else self._sums + sums
        self._losses, self._weights = [], []

    def mean(self) -> float | None:
        """None where no batch had a loss, nan where no item counts."""
        self._sum_up()
        if self._sums is None:
            return None
        total, items = self._sums.tolist()
        return total / items if items else math.nan

    # Of several processes

    def forget(self) -> None:
        """These are those of another process, too, where they count."""
        self._losses, self._weights, self._sums, self._all, self.left_out = [], [], None, [], None

    def sums_to_send(self) -> Tensor:
        """What adds up over processes: losses, items, whether there were any, batches left out, and whether any."""
        self._sum_up()
        sums, left_out = self._sums, self.left_out
        total, items = (0.0, 0.0) if sums is None else sums.tolist()
        left = 0.0 if left_out is None else float(left_out)
        found = [total, items, float(sums is not None), left, float(left_out is not None)]
        return torch.tensor(found, dtype=torch.float64)

    def take(self, added_up: Tensor) -> None:
        """The sums of all processes in the place of this one's."""
        total, items, has_losses, left, has_left = added_up.tolist()
        self._sums = torch.tensor([total, items], dtype=torch.float64) if has_losses else None
        self.left_out = torch.tensor(int(left)) if has_left else None

    def kept(self) -> list[Tensor]:
        """The losses of rows, a tensor a batch."""
        return self._all

    def keep(self, losses: list[Tensor]) -> None:
        self._all = losses

    @property
    def counts_nothing(self) -> bool:
        """Whether there were losses, but no item that one of them is a mean over. Waits for the device."""
        self._sum_up()
        return self._sums is not None and not self._sums[1].item()

    def each_row(self) -> Any:
        """The loss of every row as an array, a batch's mean standing for each of its rows; None where not kept.

        Rows of a batch without any item have a loss of 0.
        """
        return torch.cat(self._all).cpu().numpy() if self._all else None
