"""Walking through a loader from any row of any epoch, whoever made it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch.utils.data import DataLoader, IterableDataset, Sampler

from trainspec.training.data.draws import mixed_seed
from trainspec.training.data.order import (
    Mark,
    Order,
    begin_held_generators,
    numbers_rows,
    pass_over,
    passing,
    taken_from,
    walked,
)
from trainspec.training.data.position import DataPosition, DataPositionError, rest_of, rows_of
from trainspec.training.data.rows import row_count
from trainspec.training.data.sampler import EpochSampler
from trainspec.training.data.sharing.dealing import Dealt
from trainspec.training.data.sharing.sharing import Sharing, reads_its_part
from trainspec.training.data.workers import SeededBatches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

_first_seeds: WeakKeyDictionary[torch.Generator, int] = WeakKeyDictionary()


class Walk:
    """The rest of an epoch: `batches` gives it, and `row` is the number of rows used up so far, of all processes.

    `passed`: the batches of somebody else's order that were passed over as a whole; None where the order is ours, which
    is cut up anew from the row on.
    """

    def __init__(
        self, batches: Iterator[Any], row: int, passed: int | None = None, order: Order | None = None, shares: int = 1
    ) -> None:
        self.batches = batches
        self._order, self._used, self._last = order, passed or 0, None
        self.row = row
        self.passed = passed
        # Batches of the order that a step takes: one for each process.
        self._shares = shares
        # Of this process in a stream of its own.
        self.own_batches: int | None = None

    def advance(self, used: Sequence[Any], everywhere: int | None = None, steps: int = 0) -> int:
        """These batches are used now, too; returns the row.

        Of several processes: `everywhere` is the rows that all of them have used, in so many `steps`.
        """
        if self._order is not None:
            self._used, self._last = self._used + len(used) * self._shares, used[-1] if used else self._last
            self._order.used(self._used)
        self.row += sum(map(rows_of, used)) if everywhere is None else everywhere
        return self.row

    def is_filler(self, ahead: int) -> bool:
        """Whether the batch that many places on holds no row of this process: it is there to keep step with others."""
        return False

    def one_row(self, batch: Any) -> Any:
        """The last row of a batch, or all of one that cannot be taken apart."""
        try:
            return rest_of(batch, rows_of(batch) - 1)
        except DataPositionError:
            return batch

    def left_out(self) -> int:
        """Rows of this process in the step that was left out at the end, since somebody would have none in it.

        Asked when the epoch is over, by every process.
        """
        return 0

    def mark(self) -> Mark | None:
        """By what the order so far is known again, where it is somebody else's."""
        return None if self._order is None else self._order.mark(self._used, self._last)


class OwnWalk(Walk):
    """Through an order of ours: every batch but the last takes its full number of rows, whatever a collator makes."""

    def __init__(self, batches: Iterator[Any], row: int, batch_rows: int, sampler: EpochSampler, rank: int, size: int):
        super().__init__(batches, row, shares=size)
        self._batch_rows, self._rank = batch_rows, rank
        self._length, self._left_out = len(sampler), sampler.left_out()

    def advance(self, used: Sequence[Any], everywhere: int | None = None, steps: int = 0) -> int:
        # Whoever has no row in the last step took no batch for it, and is as far as the others all the same.
        self.row = min(self.row + max(steps, len(used)) * self._batch_rows * self._shares, self._length)
        return self.row

    def is_filler(self, ahead: int) -> bool:
        return self.row + (ahead * self._shares + self._rank) * self._batch_rows >= self._length

    def left_out(self) -> int:
        return self._left_out


class DealtWalk(Walk):
    """Through every n-th batch of somebody else's order."""

    def __init__(self, batches: Iterator[Any], row: int, dealt: Dealt, shares: int, order: Order, passed: int):
        super().__init__(batches, row, passed, order, shares)
        self.passed = passed // shares
        self._dealt = dealt

    def advance(self, used: Sequence[Any], everywhere: int | None = None, steps: int = 0) -> int:
        return super().advance(used, self._dealt.used(len(used)))

    def is_filler(self, ahead: int) -> bool:
        return self._dealt.is_filler(ahead)

    def left_out(self) -> int:
        # Whoever counted the steps did not ask for one more.
        next(self.batches, None)
        return self._dealt.dropped


class StreamWalk(Walk):
    """Through a stream of this process's own, beside which others read theirs."""

    own_batches: int

    def __init__(self, batches: Iterator[Any], row: int, passed: int) -> None:
        super().__init__(batches, row, passed)
        self.own_batches = passed

    def advance(self, used: Sequence[Any], everywhere: int | None = None, steps: int = 0) -> int:
        # As many as the process with most of them: whoever has fewer has come to the end of its stream.
        self.own_batches += max(steps, len(used))
        return super().advance(used, everywhere)


def batches_at(
    loader: Iterable[Any],
    position: DataPosition,
    sharing: Sharing | None = None,
    told: Callable[[int], object] | None = None,
) -> Walk:
    """The batches of an epoch from a row on; those before it are not even loaded where we own the order.

    `loader` is anything that can be walked through again and again. A loader of torch that was given no generator
    gets one from the seed, so that its order does not hang on what the model draws; one that has a generator keeps
    its first epoch. Whatever has a `set_epoch` is told. Where rows are read to be passed over, `told` hears how many
    were. Of several processes that share the data each gets its part. Raises DataPositionError for a row inside of
    somebody else's batch that cannot be taken apart, SharingError for a loader that is shared out among another
    number of processes.
    """
    parts, sharing = parts_of(loader), sharing or Sharing()
    for part in parts:
        _seed(part, position.epoch, position.seed)
        begin_held_generators(part, position.epoch)
        _tell(part, position.epoch)
    sampler, size = _own_sampler(parts), getattr(loader, "batch_size", None)
    # Of somebody else's batches nobody knows how many rows they take.
    start = position.rows if sampler is not None and size is not None else 0
    back = _looks_back(sampler, size, start, sharing) if sampler is not None and size is not None else 0
    if sampler is not None:
        known = position.keyed if start else None
        sampler.move_to(position.epoch, start - back, position.grouping if start else None, keyed=known)
    for part in parts:
        if isinstance(part, SeededBatches):
            part.move_to(position.epoch, start - back)
    if sampler is not None and size is not None:
        return _through_own_order(loader, sampler, size, start, sharing, back)
    order = Order(position.seed, position.epoch, position.order)
    if sharing.is_alone:
        iterator, passed = passing(loader, order.walk)
        walk = _passed_over(iterator, position, order, told=told)
        passed()
    elif reads_its_part(parts, sharing):
        return _through_own_part(order.walk(loader), position)
    else:
        walk = _through_dealt(loader, position, order, sharing)
    if order.differs:
        logger.warning(
            "the training data comes in another order than it did before the checkpoint: rows of epoch %d may come "
            "twice, and others not at all. Give what draws the order a seed of its own, or a method set_epoch(); "
            "ignore_data_skip: true begins the epoch again",
            position.epoch,
        )
    return walk


def _looks_back(sampler: EpochSampler, size: int, start: int, sharing: Sharing) -> int:
    """Rows before `start` to begin at, where the first step has nothing for some processes: these have what they had in
    the step before, as they would if the run had not been broken off.
    """
    step = size * sharing.size
    if sharing.is_alone or sampler.shared_by[1] > 1 or start < step:
        return 0
    return step if 0 < len(sampler) - start <= step - size else 0


def _through_own_order(loader: Any, sampler: EpochSampler, size: int, start: int, sharing: Sharing, back: int) -> Walk:
    rank, shares = sampler.shared_by
    if shares > 1 or sharing.is_alone:
        return OwnWalk(walked(loader), start, size, sampler, rank, shares)
    # Rank 0 reads for all, or an order of ours is in a loader that somebody else has made.
    dealt = Dealt(sharing)
    passed = sharing.size if back else 0
    if sharing.dispatches:
        whole = walked(loader) if sharing.processes.is_main else None
        if whole is not None:
            # Now: what is drawn for them is drawn before random states are restored.
            dealt.before.extend(islice(whole, passed))
        batches = dealt.from_main(whole)
    else:

        def taken(numbers: Iterable[Any]) -> Iterator[Any]:
            iterator = iter(numbers)
            dealt.before.extend(islice(iterator, passed))
            return dealt.of(iterator, numbers_in)

        batches = taken_from(loader, taken, sharing.rank)
    return OwnDealtWalk(batches, start, size, sampler, dealt, sharing)


class OwnDealtWalk(OwnWalk):
    """Through an order of ours, of which every n-th batch is this process's."""

    def __init__(
        self, batches: Iterator[Any], row: int, size: int, sampler: EpochSampler, dealt: Dealt, sharing: Sharing
    ):
        super().__init__(batches, row, size, sampler, sharing.rank, sharing.size)
        self._dealt = dealt

    def left_out(self) -> int:
        # Whoever counted the steps did not ask for one more.
        next(self.batches, None)
        return self._dealt.dropped


def _through_own_part(iterator: Iterator[Any], position: DataPosition) -> Walk:
    passed = position.batches or 0
    for _ in islice(iterator, passed):
        pass
    return StreamWalk(iterator, position.rows, passed)


def _through_dealt(loader: Any, position: DataPosition, order: Order, sharing: Sharing) -> Walk:
    """Every n-th batch from the position on; where rows are asked for by number, no other is even loaded."""
    dealt = Dealt(sharing)
    if numbers_rows(loader) and not sharing.dispatches:
        passed: list[int] = []

        def taken(batches: Iterable[Any]) -> Iterator[Any]:
            return dealt.of(_behind(position.rows, iter(batches), passed, dealt.before), numbers_in)

        batches = order.walk(loader, taken, sharing.rank)
        # Passed over now: what is drawn for it is drawn before random states are restored.
        first = list(islice(batches, 1))
        return DealtWalk(chain(first, batches), position.rows, dealt, sharing.size, order, len(passed))
    reads = sharing.processes.is_main or not _is_dispatched(loader, sharing)
    walk = Walk(iter(()), position.rows, 0, order)
    if reads:
        walk = _passed_over(order.walk(loader), position, order, dealt.before)
    if _is_dispatched(loader, sharing):
        batches = dealt.from_main(walk.batches if reads else None)
    else:
        batches = dealt.of(walk.batches)
    return DealtWalk(batches, walk.row, dealt, sharing.size, order, walk.passed or 0)


def _is_dispatched(loader: Any, sharing: Sharing) -> bool:
    """Batches that are there already need not be sent."""
    return sharing.dispatches is not False and not isinstance(loader, list | tuple)


def _behind(rows: int, batches: Iterator[Any], passed: list[int], before: deque[Any]) -> Iterator[Any]:
    """The batches of row numbers behind so many rows; `before` keeps the last of the others."""
    row = 0
    for batch in batches:
        if row >= rows:
            yield batch
            continue
        row += numbers_in(batch)
        passed.append(row)
        before.append(batch)
        if row > rows:
            yield batch[rows - row :]


def numbers_in(batch: Any) -> int:
    """The row numbers in a batch of them, or the one that it is."""
    return len(batch) if isinstance(batch, list | tuple) else 1


def _passed_over(
    iterator: Iterator[Any],
    position: DataPosition,
    order: Order,
    before: deque[Any] | None = None,
    told: Callable[[int], object] | None = None,
) -> Walk:
    # Passed over now, not at the first use: what loading them draws is drawn before random states are restored.
    before = deque(maxlen=0) if before is None else before
    rest, row, passed = pass_over(iterator, position, order, before, told or (lambda row: None))
    return Walk(rest, row, passed=passed, order=order)


def position_in(loader: Any, *, epoch: int, rows: int, seed: int) -> DataPosition:
    """The position after `rows` rows of the epoch that this loader is walked through, with all that its order is of."""
    sampler = _own_sampler(parts_of(loader))
    grouping = None if sampler is None else sampler.grouping
    streams = getattr(loader, "num_replicas", None)
    keyed = sampler is not None and sampler.is_keyed
    length = epoch_lengths(loader)[0] if streams is None else None
    return DataPosition(epoch, rows, seed, length, grouping, _readers(loader), keyed=keyed, streams=streams)


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


def batches_in_epoch(loader: Any, sharing: Sharing) -> int | None:
    """Batches of this process in one epoch, the same number for each; None where that shows when the data ends."""
    known = epoch_lengths(loader)[1]
    parts = parts_of(loader)
    sampler = _own_sampler(parts)
    if known is None or sharing.is_alone or (sampler is not None and sampler.shared_by[1] > 1):
        return known
    if reads_its_part(parts, sharing):
        return None if isinstance(getattr(loader, "dataset", None), IterableDataset) else known
    return known // sharing.size if sharing.drops else -(-known // sharing.size)


def _source_of_rows(loader: Any) -> Any:
    dataset, by_batch = getattr(loader, "dataset", None), getattr(loader, "batch_sampler", None)
    if by_batch is None or isinstance(dataset, IterableDataset):
        return dataset
    # A sampler may take fewer rows than there are, or some of them twice.
    return getattr(by_batch, "sampler", None)


def parts_of(loader: Any) -> Sequence[Any]:
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
