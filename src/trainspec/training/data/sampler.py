"""The order of the training data: a function of the seed and the epoch alone."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Sampler

from trainspec.training.data.draws import mixed_seed
from trainspec.training.data.lengths import as_lengths, grouped_order, measure
from trainspec.training.data.share import share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.training.data.lengths import Lengths


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
        self._share: tuple[int, int, int, bool] | None = None

    def share_with(self, rank: int, size: int, batch_size: int, *, drop_last: bool) -> None:
        """Walk through the rows of one of `size` processes only, in batches of `batch_size`."""
        self._share = (rank, size, batch_size, drop_last) if size > 1 else None

    @property
    def shared_by(self) -> tuple[int, int]:
        """The rank and number of those that share the rows."""
        return (0, 1) if self._share is None else self._share[:2]

    @property
    def grouping(self) -> int | None:
        """The number of rows that a new epoch's order hangs on, beside its seed; here there is none."""
        return None

    def move_to(self, epoch: int, start: int = 0, grouping: int | None = None) -> None:
        """The next walk is through this epoch, from row `start` on, in an order made with `grouping`."""
        self._epoch = epoch
        self._start = start

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(mixed_seed(self._seed, self._epoch))
        order = self._order(generator)
        if self._share is None:
            return iter(order[self._start :])
        rank, size, batch, drop_last = self._share
        shares = share(order, rank, size, batch, self._start, drop_last=drop_last)
        return chain.from_iterable(part.rows for part in shares)

    def __len__(self) -> int:
        """The rows of a whole epoch, wherever the next walk starts."""
        return self._length

    def _order(self, generator: torch.Generator) -> list[int]:
        order: list[int] = torch.randperm(self._length, generator=generator).tolist()
        return order


class InOrderSampler(EpochSampler):
    """The rows as the data set has them, in every epoch."""

    def _order(self, generator: torch.Generator) -> list[int]:
        return list(range(len(self)))


class GroupedEpochSampler(EpochSampler):
    """An order in which rows of similar length are neighbours, the longest of all in the first batch.

    Which rows are sorted together hangs on the batch size. An epoch that another run has begun goes on in the order
    that its batch size made, so that no row comes twice; the next one is ordered for the batch size of now.
    """

    def __init__(self, lengths: Lengths, batch_size: int, seed: int) -> None:
        super().__init__(len(lengths), seed)
        self._lengths = lengths
        self._grouping = self._batch_size = batch_size

    @property
    def grouping(self) -> int:
        return self._batch_size

    def move_to(self, epoch: int, start: int = 0, grouping: int | None = None) -> None:
        super().move_to(epoch, start)
        self._grouping = self._batch_size if grouping is None else grouping

    def _order(self, generator: torch.Generator) -> list[int]:
        order: list[int] = grouped_order(self._lengths, self._grouping, generator).tolist()
        return order


class LengthGroupedSampler(Sampler[int]):
    """Rows of similar length are neighbours: for a loader of one's own.

    `lengths` are measured where they are not given: on `model_input_name` (by default `input_ids`) of every row of
    `dataset`. Draws from `generator`, or torch's. Raises ValueError where there is neither.
    """

    def __init__(
        self,
        batch_size: int,
        dataset: Any = None,
        lengths: Any = None,
        model_input_name: str | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        if lengths is None and dataset is None:
            raise ValueError("LengthGroupedSampler needs a dataset to measure, or lengths")
        self.batch_size = batch_size
        self.lengths = measure(dataset, None, model_input_name) if lengths is None else as_lengths(lengths)
        self.generator = generator

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        return iter(grouped_order(self.lengths, self.batch_size, self.generator).tolist())
