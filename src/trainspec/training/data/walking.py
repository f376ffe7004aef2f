"""Walking through a loader from any row of any epoch, whoever made it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, IterableDataset, Sampler

from trainspec.training.data.draws import mixed_seed
from trainspec.training.data.order import (
    Order,
    numbers_in,
    numbers_rows,
    pass_over,
    taken_from,
    walked,
    without_first,
)
from trainspec.training.data.position import DataPosition
from trainspec.training.data.rows import row_count
from trainspec.training.data.sampler import EpochSampler
from trainspec.training.data.sharing.dealing import Dealt
from trainspec.training.data.sharing.sharing import Sharing, reads_its_part
from trainspec.training.data.sharing.walks import DealtWalk, OwnDealtWalk, OwnWalk, StreamWalk, Walk
from trainspec.training.data.streaming.held import begin_generator, begin_held_generators
from trainspec.training.data.streaming.reading import takes
from trainspec.training.data.workers import SeededBatches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainspec.training.data.streaming.place import Place

logger = logging.getLogger(__name__)


def batches_at(
    loader: Iterable[Any],
    position: DataPosition,
    sharing: Sharing | None = None,
    told: Callable[[int], object] | None = None,
    place: Place | None = None,
) -> Walk:
    """The batches of an epoch from a row on; those before it are not even loaded where we own the order.

    `loader` is anything that can be walked through again and again. A loader of torch that was given no generator
    gets one from the seed, so that its order does not hang on what the model draws; one that has a generator keeps
    its first epoch. Whatever has a `set_epoch` is told. Where rows are read to be passed over, `told` hears how many
    were; `place` is where the readers of a stream were at that row. Of several processes that share the data each gets
    its part. Raises DataPositionError for a row inside of somebody else's batch that cannot be taken apart, or a state
    that a stream does not take, OtherDataError for a stream of other rows, SharingError for a loader that is shared out
    among another number of processes.
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
    order = Order(position.seed, position.epoch, position.order, sharing.rank)
    told, place = told or (lambda row: None), place if position.rows and takes(loader, place) else None
    if sharing.is_alone:
        walk = _passed_over(loader, position, order, told, place)
    elif reads_its_part(parts, sharing):
        walk = _through_own_part(loader, position, order, told, place)
    else:
        walk = _through_dealt(loader, position, order, sharing, told, place)
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


def _through_own_part(
    loader: Any, position: DataPosition, order: Order, told: Callable[[int], object], place: Place | None
) -> Walk:
    passed = position.batches or 0
    if place is not None:
        return StreamWalk(order.walk_on(loader, place, told, passed=passed), position.rows, passed, order)
    iterator = order.walk(loader)
    for _ in islice(iterator, passed):
        pass
    order.used(passed)
    return StreamWalk(iterator, position.rows, passed, order)


def _through_dealt(
    loader: Any,
    position: DataPosition,
    order: Order,
    sharing: Sharing,
    told: Callable[[int], object],
    place: Place | None,
) -> Walk:
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
        # What is taken again may have to stand in for what another process has no more of.
        known = place if place is not None and (place.has_states or place.is_in_turns) else None
        if numbers_rows(loader):
            walk = _loaded_behind(loader, position, order, sharing, dealt.before)
        else:
            walk = _passed_over(loader, position, order, told, known, dealt.before)
    if _is_dispatched(loader, sharing):
        batches = dealt.from_main(walk.batches if reads else None)
    else:
        batches = dealt.of(walk.batches)
    return DealtWalk(batches, walk.row, dealt, sharing.size, order, walk.passed or 0)


def _loaded_behind(loader: Any, position: DataPosition, order: Order, sharing: Sharing, before: deque[Any]) -> Walk:
    """All batches from the position on; of those before it no more is loaded than `before` keeps."""
    passed: list[int] = []

    def taken(numbers: Iterable[Any]) -> Iterator[Any]:
        kept: deque[Any] = deque(maxlen=before.maxlen)
        rest = _behind(position.rows, iter(numbers), passed, kept)
        first = list(islice(rest, 1))
        yield from chain(kept, first, rest)

    batches = order.walk(loader, taken, sharing.rank)
    # Now, for the same reason.
    first = list(islice(batches, 1 if position.rows else 0))
    before.extend(islice(chain(first, batches), min(before.maxlen or 0, len(passed))))
    return Walk(batches if passed else chain(first, batches), position.rows, passed=len(passed), order=order)


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
            yield without_first(batch, rows - row)


def _passed_over(
    loader: Any,
    position: DataPosition,
    order: Order,
    told: Callable[[int], object],
    place: Place | None,
    before: deque[Any] | None = None,
) -> Walk:
    # Passed over now, not at the first use: what loading them draws is drawn before random states are restored.
    if place is not None:
        passed = _batches_before(loader, place, position.rows)
        batches = order.walk_on(loader, place, told, passed=passed, before=before)
        return Walk(batches, position.rows, passed=passed, order=order)
    # Of a format that counted batches, or where some of them are to stand in for others, they are read.
    known = order.rows_expected() if position.batches is None and before is None else None
    if known is not None and numbers_rows(loader):
        batches, passed = order.behind(loader, known)
        return Walk(batches, position.rows, passed=passed, order=order)
    before = deque(maxlen=0) if before is None else before
    rest, row, passed = pass_over(order.walk(loader), position, order, before, told)
    order.used(passed)
    return Walk(rest, row, passed=passed, order=order)


def _batches_before(loader: Any, place: Place, row: int) -> int:
    """The batches before a place, or where they had another size, so many that the rest is what it is now."""
    size = getattr(loader, "batch_size", None)
    if size is None or place.size in (None, size):
        return place.batches
    rows, batches = epoch_lengths(loader)
    if rows is None or batches is None:
        return row // int(size)
    whole, rest = divmod(rows - row, int(size))
    return max(0, batches - whole - bool(rest and not loader.drop_last))


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
        begin_generator(part.generator, epoch)
