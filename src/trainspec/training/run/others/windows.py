"""Accumulation windows that somebody's own code takes from the data, with the items that it counts in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trainspec.training.loss.items import MicroBatchItems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trainspec.training.face import TrainerFace


class OwnWindow(list[Any]):
    """The batches to train on, `taken` from the data, and the items that they say are in them: None tells nothing."""

    def __init__(self, batches: Sequence[Any], taken: list[Any], items: Any) -> None:
        super().__init__(batches)
        self.taken = taken
        self.items = items


def own_windows(trainer: TrainerFace, source: Iterator[Any], size: int) -> Callable[[], list[Any]]:
    """What asks get_batch_samples of a Trainer for the next window."""
    taken: list[Any] = []

    def noted() -> Iterator[Any]:
        for batch in source:
            taken.append(batch)
            yield batch

    batches = noted()

    def following() -> list[Any]:
        taken.clear()
        found = trainer.call_hook("get_batch_samples", batches, size, trainer.parts.device)
        samples, items = found if isinstance(found, tuple) else (found, None)
        return OwnWindow(samples, list(taken), items)

    return following


@dataclass(frozen=True, slots=True)
class EqualParts(MicroBatchItems):
    """Where nobody counts: every micro-batch of the window weighs the same."""

    parts: int

    @property
    def share(self) -> None:
        return None

    def part_of_window(self, loss: Tensor) -> Tensor:
        return loss / self.parts


def items_as_told(items: list[MicroBatchItems], told: Any) -> list[MicroBatchItems]:
    """The items of a window's micro-batches, of as many in all as somebody counted."""
    if told is None:
        return [EqualParts(each.count, each.total, len(items)) for each in items]
    total = torch.as_tensor(told, device=items[0].total.device).reshape(-1)[0]
    return [MicroBatchItems(each.count, total) for each in items]
