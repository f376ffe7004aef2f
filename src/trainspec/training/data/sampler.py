"""The order of the training data: a function of the seed and the epoch alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy
import torch
from torch.utils.data import Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator


def mixed_seed(seed: int, epoch: int) -> int:
    """A seed for one epoch; unlike a sum, it gives neighbouring seeds nothing in common."""
    return int(numpy.random.SeedSequence([seed, epoch]).generate_state(1)[0])


class EpochSampler(Sampler[int]):
    """A new permutation for every epoch, which can start part-way.

    The order comes from an own generator, so that nothing else a program draws can change it, and a resumed run gets
    the same order without replaying what came before.
    """

    def __init__(self, length: int, seed: int) -> None:
        self._length = length
        self._seed = seed
        self._epoch = 0
        self._start = 0

    def move_to(self, epoch: int, start: int = 0) -> None:
        self._epoch = epoch
        self._start = start

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(mixed_seed(self._seed, self._epoch))
        order: list[int] = torch.randperm(self._length, generator=generator).tolist()
        return iter(order[self._start :])

    def __len__(self) -> int:
        """The rows of a whole epoch, wherever the next walk starts."""
        return self._length
