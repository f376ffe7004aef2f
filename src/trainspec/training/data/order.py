"""The order that somebody else's sampler makes of the rows: drawn apart, and known again after a resume.

Whatever it draws from (python's generator, numpy's, torch's, one of its own), its draws follow from seed and epoch
alone: neither the model nor anything else that draws comes between them, and a resumed run draws the same again. What
draws from elsewhere is found out by comparing the rows that are passed over with those that were used.
"""

from __future__ import annotations

import logging
import random
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, Sampler

from trainspec.training.data.draws import OwnDraws, draws_nothing, mixed_seed
from trainspec.training.data.position import DataPosition, rest_of, rows_of
from trainspec.training.data.workers import begun
from trainspec.training.model.nests import map_tensors

logger = logging.getLogger(__name__)

_END = object()
# Tells these draws from the rest of what a seed is mixed to.
_ORDER = 2
_BYTES_LOOKED_AT = 1 << 16

Mark = tuple[Any, ...]
# Of batches of row numbers, those to be loaded.
Taken = Callable[[Iterable[Any]], Iterable[Any]]


class Order:
    """One epoch of a loader. `mark` is what a checkpoint keeps of it, `differs` whether it is not what it was then."""

    def __init__(self, seed: int, epoch: int, expected: Mark | None = None) -> None:
        self._draws = OwnDraws(seed, _ORDER, epoch)
        self._expected = expected
        self._rows = self._batches = self._sum = 0
        self._after: dict[int, Mark] = {}
        self.differs = False

    def walk(self, loader: Any, taken: Taken | None = None, rank: int = 0) -> Iterator[Any]:
        """The batches of the epoch, or those whose numbers `taken` takes; workers of each `rank` draw by themselves."""
        if not numbers_rows(loader):
            return self._apart(loader)
        return taken_from(loader, lambda batches: (taken or iter)(self.of_indexes(batches)), rank)

    def _apart(self, batches: Iterable[Any]) -> Iterator[Any]:
        with self._draws:
            iterator = iter(batches)
        return self.drawn(iterator)

    def drawn(self, iterator: Iterator[Any]) -> Iterator[Any]:
        while True:
            with self._draws:
                try:
                    drawn = next(iterator)
                except StopIteration:
                    return
            yield drawn

    def of_indexes(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The batches of row numbers, taken note of."""
        for batch in self._apart(batches):
            self._note(batch if isinstance(batch, list | tuple) else [batch])
            yield batch

    def _note(self, rows: Iterable[Any]) -> None:
        for row in rows:
            self._sum = zlib.crc32(repr(row).encode(), self._sum)
            self._rows += 1
            if self._expected is not None and self._expected[:2] == ("rows", self._rows):
                self.differs = self._expected[2] != self._sum
        self._batches += 1
        self._after[self._batches] = "rows", self._rows, self._sum

    def used(self, batches: int) -> None:
        """So many batches of the epoch are used; of those before nobody will ask again."""
        for number in [number for number in self._after if number < batches]:
            del self._after[number]

    def mark(self, batches: int, last: Any) -> Mark | None:
        """After so many batches, of which `last` is the last one."""
        if self._batches:
            return self._after.get(batches)
        return None if last is None else ("batch", _content(last))

    def compare(self, last: Any) -> None:
        """The last batch that was passed over, where the place is the end of a batch."""
        if self._expected is not None and self._expected[0] == "batch":
            self.differs = self._expected[1] != _content(last)


class Uncollated(NamedTuple):
    """The rows of a batch that is passed over, and what makes a batch of them."""

    rows: list[Any]
    collate: Callable[[Any], Any]


def _collated(batch: Any) -> Any:
    return batch.collate(batch.rows) if isinstance(batch, Uncollated) else batch


def _size(batch: Any) -> int:
    return len(batch.rows) if isinstance(batch, Uncollated) else rows_of(batch)


def pass_over(
    iterator: Iterator[Any],
    position: DataPosition,
    order: Order,
    before: deque[Any],
    told: Callable[[int], object],
) -> tuple[Iterator[Any], int, int]:
    """Take the batches before a position; the rest of them, the row that it begins at, and how many were passed.

    `before` keeps the last of those, and `told` hears of each row that one ended at. Raises DataPositionError for a row
    inside of a batch that cannot be taken apart.
    """
    row = passed = 0
    most = position.batches
    while row < position.rows if most is None else passed < most:
        batch = next(iterator, _END)
        if batch is _END:
            if most is None:
                epoch, used = position.epoch, position.rows
                logger.warning("epoch %d has ended after %d rows; %d were used before", epoch, row, used)
            break
        size = _size(batch)
        if most is None and row + size > position.rows:
            rest = rest_of(_collated(batch), position.rows - row)
            return chain([rest], iterator), position.rows, passed
        row, passed = row + size, passed + 1
        told(row)
        before.append(batch)
        if most is None and row == position.rows:
            order.compare(_collated(batch))
    return iterator, row, passed


class _Passing:
    """In the place of a stream's collator: until `over`, rows are handed on without making a batch of them.

    The first one is made all the same, and tells whether the others need be: a batch may have another number of rows
    than it is made of, and what a collator draws is drawn from the numbers that the stream draws from.
    """

    def __init__(self, collate: Callable[[Any], Any]) -> None:
        self._collate = collate
        self._is_needed: bool | None = None
        self.over = False

    def __call__(self, rows: Any) -> Any:
        if self.over or self._is_needed or not isinstance(rows, list):
            return self._collate(rows)
        if self._is_needed is None:
            batch, draws_none = draws_nothing(lambda: self._collate(rows))
            self._is_needed = not draws_none or rows_of(batch) != len(rows)
            return batch
        return Uncollated(rows, self._collate)


def passing(loader: Any, walk: Callable[[Any], Iterator[Any]]) -> tuple[Iterator[Any], Callable[[], None]]:
    """A walk through a loader of which the first batches are only passed over; and what ends that.

    Of a stream that this process reads they may be `Uncollated`.
    """
    reads = type(loader) is DataLoader and isinstance(loader.dataset, IterableDataset)
    if not reads or loader.num_workers or loader.batch_size is None:
        return walk(loader), lambda: None
    passed = _Passing(loader.collate_fn)
    loader.collate_fn = passed
    try:
        iterator = walk(loader)
    finally:
        loader.collate_fn = passed._collate
    return iterator, lambda: setattr(passed, "over", True)


class _Indexes:
    """In the place of a loader's sampler of batches while it is walked through; everything else of it is as it was."""

    def __init__(self, sampler: Any) -> None:
        self.sampler_of_batches = sampler
        self.taken: Taken

    def __iter__(self) -> Iterator[Any]:
        return iter(self.taken(self.sampler_of_batches))

    def __len__(self) -> int:
        return len(self.sampler_of_batches)


# Workers that outlive an epoch keep what they were first given.
_kept: WeakKeyDictionary[Any, _Indexes] = WeakKeyDictionary()


def numbers_rows(loader: Any) -> bool:
    """Whether it is a loader of torch that asks for rows by their numbers, in the order of a sampler."""
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        return False
    return type(loader).__iter__ is DataLoader.__iter__


def _indexes_of(loader: DataLoader[Any]) -> _Indexes:
    if loader not in _kept:
        _kept[loader] = _Indexes(loader.sampler if loader.batch_sampler is None else loader.batch_sampler)
    return _kept[loader]


def taken_from(loader: DataLoader[Any], taken: Taken, rank: int = 0) -> Iterator[Any]:
    """The batches of a loader that numbers rows, of the numbers that `taken` makes of its own."""
    indexes = _indexes_of(loader)
    indexes.taken = taken
    if loader.batch_sampler is None:
        return _with(loader, "sampler", indexes, rank)
    return walked(loader, indexes) if not loader.num_workers else _with(loader, "batch_sampler", indexes, rank)


def _with(loader: DataLoader[Any], name: str, indexes: _Indexes, rank: int) -> Iterator[Any]:
    """An iterator of the loader's own, which takes its sampler when it is made."""
    before = vars(loader)[name]
    vars(loader)[name] = indexes
    try:
        return _begun(loader, rank)
    finally:
        vars(loader)[name] = before


def _begun(loader: DataLoader[Any], rank: int) -> Iterator[Any]:
    """Its iterator. The loader's generator draws the order in every process, and the seeds of workers in the first."""
    generator = loader.generator
    if not rank or not isinstance(generator, torch.Generator):
        return begun(loader)
    first = int(torch.empty((), dtype=torch.int64).random_(generator=generator))
    loader.generator = torch.Generator().manual_seed(mixed_seed(first, rank))
    try:
        return begun(loader)
    finally:
        loader.generator = generator


def _content(batch: Any) -> int:
    """A number for what is in a batch, of a bounded piece of each tensor."""
    found = [0]

    def look(tensor: Tensor) -> Any:
        piece = tensor.detach().reshape(-1)[: _BYTES_LOOKED_AT // max(1, tensor.element_size())].cpu().contiguous()
        found[0] = zlib.crc32(piece.view(torch.uint8).numpy().tobytes(), found[0])
        return str(tuple(tensor.shape))

    plain = map_tensors(batch, look)
    return zlib.crc32(repr(plain)[:_BYTES_LOOKED_AT].encode(), found[0])


# Generators that samplers hold themselves

_first_states: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def begin_held_generators(part: Any, epoch: int) -> None:
    """Have the generators that a sampler, or a stream, holds begin the epoch as they would in any other run.

    The first epoch has the state that they were made with.
    """
    if not isinstance(part, Sampler | BatchSampler | IterableDataset) and not hasattr(part, "__iter__"):
        return
    for name, value in list(getattr(part, "__dict__", {}).items()):
        if isinstance(value, random.Random | numpy.random.Generator | numpy.random.RandomState):
            first = _first_states.setdefault(part, {}).setdefault(name, _state(value))
            _begin(value, first, epoch)


def _state(generator: Any) -> Any:
    if isinstance(generator, random.Random):
        return generator.getstate()
    return generator.bit_generator.state if isinstance(generator, numpy.random.Generator) else generator.get_state()


def _begin(generator: Any, first: Any, epoch: int) -> None:
    seed = mixed_seed(zlib.crc32(repr(first).encode()), epoch)
    if isinstance(generator, random.Random):
        generator.seed(seed) if epoch else generator.setstate(first)
    elif isinstance(generator, numpy.random.Generator):
        generator.bit_generator.state = type(generator.bit_generator)(seed).state if epoch else first
    else:
        generator.seed(seed) if epoch else generator.set_state(first)


# Walking without what torch does around every batch


def walked(loader: Iterable[Any], indexes: Iterable[list[Any]] | None = None) -> Iterator[Any]:
    """What iter(loader) gives, in less time where rows are fetched in this process; `indexes` may stand for its own."""
    if type(loader) is not DataLoader or loader.num_workers or loader.pin_memory or loader.batch_sampler is None:
        return begun(loader)
    if isinstance(loader.dataset, IterableDataset):
        return begun(loader)
    # torch draws a seed for workers, be there any or none; whatever draws after it must find what it would find.
    torch.empty((), dtype=torch.int64).random_(generator=loader.generator)
    return _fetched(loader, loader.batch_sampler if indexes is None else indexes)


def _fetched(loader: DataLoader[Any], batches: Iterable[list[Any]]) -> Iterator[Any]:
    dataset, collate = loader.dataset, loader.collate_fn
    by_many = getattr(dataset, "__getitems__", None)
    for numbers in batches:
        yield collate(by_many(numbers) if by_many else [dataset[number] for number in numbers])
