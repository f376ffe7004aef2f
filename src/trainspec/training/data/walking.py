"""Walking through a loader from any row of any epoch, whoever made it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch.utils.data import DataLoader, IterableDataset, Sampler

from trainspec.training.data.draws import mixed_seed
from trainspec.training.data.order import Mark, Order, begin_held_generators, walked
from trainspec.training.data.position import DataPosition, rest_of, rows_of
from trainspec.training.data.rows import row_count
from trainspec.training.data.sampler import EpochSampler
from trainspec.training.data.workers import SeededBatches

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

_END = object()
_first_seeds: WeakKeyDictionary[torch.Generator, int] = WeakKeyDictionary()


class Walk:
    """The rest of an epoch: `batches` gives it, and `row` is the number of rows used up so far, of all processes.

    `passed`: the batches of somebody else's order that were passed over as a whole; None where the order is ours, which
    is cut up anew from the row on.
    """

    def __init__(
        self,
        batches: Iterator[Any],
        row: int,
        batch_rows: int | None = None,
        length: int = 0,
        passed: int | None = None,
        order: Order | None = None,
        shared_by: tuple[int, int] = (0, 1),
    ) -> None:
        self.batches = batches
        self._rank, self._shares = shared_by
        self._order, self._used, self._last = order, passed or 0, None
        self.row = row
        self.passed = passed
        self._batch_rows = batch_rows
        self._length = length

    def advance(self, used: Sequence[Any]) -> int:
        """These batches are used now, too; returns the row.

        Where the order is ours every batch but the last takes its full number of rows, whatever a collator made of
        them; elsewhere the rows in them are counted.
        """
        if self._order is not None:
            self._used, self._last = self._used + len(used), used[-1] if used else self._last
            self._order.used(self._used)
        if self._batch_rows is None:
            self.row += sum(map(rows_of, used))
        else:
            self.row = min(self.row + len(used) * self._batch_rows * self._shares, self._length)
        return self.row

    def is_filler(self, ahead: int) -> bool:
        """Whether the batch that many places on holds no row of this process: it is there to keep step with others."""
        if self._batch_rows is None or self._shares == 1:
            return False
        return self.row + (ahead * self._shares + self._rank) * self._batch_rows >= self._length

    def mark(self) -> Mark | None:
        """By what the order so far is known again, where it is somebody else's."""
        return None if self._order is None else self._order.mark(self._used, self._last)


def batches_at(loader: Iterable[Any], position: DataPosition) -> Walk:
    """The batches of an epoch from a row on; those before it are not even loaded where we own the order.

    `loader` is anything that can be walked through again and again. A loader of torch that was given no generator gets
    one from the seed, so that its order does not hang on what the model draws; one that has a generator keeps its first
    epoch. Whatever has a `set_epoch` is told. Raises DataPositionError for a row inside of somebody else's batch that
    cannot be taken apart.
    """
    parts = _parts(loader)
    for part in parts:
        _seed(part, position.epoch, position.seed)
        begin_held_generators(part, position.epoch)
        _tell(part, position.epoch)
    sampler, size = _own_sampler(parts), getattr(loader, "batch_size", None)
    # Of somebody else's batches nobody knows how many rows they take.
    start = position.rows if sampler is not None and size is not None else 0
    if sampler is not None:
        sampler.move_to(position.epoch, start, position.grouping if start else None)
    for part in parts:
        if isinstance(part, SeededBatches):
            part.move_to(position.epoch, start)
    if sampler is not None and size is not None:
        return Walk(walked(loader), start, size, len(sampler), shared_by=sampler.shared_by)
    order = Order(position.seed, position.epoch, position.order)
    iterator = order.walk(loader)
    # Passed over now, not at the first use: what loading them draws is drawn before random states are restored.
    if position.batches is not None:
        return _after_batches(iterator, position, order)
    walk = _after_rows(iterator, position, order)
    if order.differs:
        logger.warning(
            "the training data comes in another order than it did before the checkpoint: rows of epoch %d may come "
            "twice, and others not at all. Give what draws the order a seed of its own, or a method set_epoch(); "
            "ignore_data_skip: true begins the epoch again",
            position.epoch,
        )
    return walk


def _after_batches(iterator: Iterator[Any], position: DataPosition, order: Order) -> Walk:
    sizes = list(map(rows_of, islice(iterator, position.batches)))
    return Walk(iterator, sum(sizes), passed=len(sizes), order=order)


def _after_rows(iterator: Iterator[Any], position: DataPosition, order: Order) -> Walk:
    row = passed = 0
    while row < position.rows:
        batch = next(iterator, _END)
        if batch is _END:
            logger.warning("epoch %d has ended after %d rows; %d were used before", position.epoch, row, position.rows)
            break
        size = rows_of(batch)
        if row + size > position.rows:
            rest = rest_of(batch, position.rows - row)
            return Walk(chain([rest], iterator), position.rows, passed=passed, order=order)
        row, passed = row + size, passed + 1
        if row == position.rows:
            order.compare(batch)
    return Walk(iterator, row, passed=passed, order=order)


def position_in(loader: Any, *, epoch: int, rows: int, seed: int) -> DataPosition:
    """The position after `rows` rows of the epoch that this loader is walked through, with all that its order is of."""
    sampler = _own_sampler(_parts(loader))
    grouping = None if sampler is None else sampler.grouping
    return DataPosition(epoch, rows, seed, epoch_lengths(loader)[0], grouping, _readers(loader))


def _readers(loader: Any) -> tuple[int, int] | None:
    if not isinstance(getattr(loader, "dataset", None), IterableDataset):
        return None
    workers = getattr(loader, "num_workers", 0)
    return (workers, loader.batch_size or 1) if workers > 1 else None


def _own_sampler(parts: Sequence[Any]) -> EpochSampler | None:
    return next((part for part in parts if isinstance(part, EpochSampler)), None)


def epoch_lengths(loader: Any) -> tuple[int | None, int | None]:
    """Rows and batches of one epoch as the loader tells them; None for what it does not know."""
    return row_count(_source_of_rows(loader)), row_count(loader)


def _source_of_rows(loader: Any) -> Any:
    dataset, by_batch = getattr(loader, "dataset", None), getattr(loader, "batch_sampler", None)
    if by_batch is None or isinstance(dataset, IterableDataset):
        return dataset
    # A sampler may take fewer rows than there are, or some of them twice.
    return getattr(by_batch, "sampler", None)


def _parts(loader: Any) -> Sequence[Any]:
    """All that may have to do with the order: the loader, what it draws batches and rows from, its data set."""
    by_batch = getattr(loader, "batch_sampler", None)
    found = [loader, by_batch, getattr(loader, "sampler", None), getattr(by_batch, "sampler", None)]
    found.append(getattr(loader, "dataset", None))
    return list({id(part): part for part in found if part is not None}.values())


def _tell(part: Any, epoch: int) -> None:
    set_epoch = getattr(part, "set_epoch", None)
    if callable(set_epoch):
        set_epoch(epoch)


def _seed(part: Any, epoch: int, seed: int) -> None:
    if not isinstance(part, (DataLoader, Sampler)) or not hasattr(part, "generator"):
        return
    if part.generator is None:
        part.generator = torch.Generator().manual_seed(mixed_seed(seed, 0))
    if isinstance(part.generator, torch.Generator):
        first = _first_seeds.setdefault(part.generator, part.generator.initial_seed())
        part.generator.manual_seed(mixed_seed(first, epoch) if epoch else first)
