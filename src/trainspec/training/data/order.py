"""The order that somebody else's sampler makes of the rows: drawn apart, and known again after a resume.

Whatever it draws from (python's generator, numpy's, torch's, one of its own), its draws follow from seed and epoch
alone: neither the model nor anything else that draws comes between them, and a resumed run draws the same again. What
draws from elsewhere is found out by comparing the rows that are passed over with those that were used.
"""

from __future__ import annotations

import logging
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from trainspec.training.data.draws import OwnDraws, mixed_seed
from trainspec.training.data.position import DataPosition, rest_of, rows_of
from trainspec.training.data.streaming.marks import marks_of_batch
from trainspec.training.data.streaming.reading import Reading
from trainspec.training.data.streaming.watched import Passed
from trainspec.training.data.workers import SeededIndexes, begun
from trainspec.training.model.nests import map_tensors

if TYPE_CHECKING:
    from trainspec.training.data.streaming.place import Place

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

    def __init__(self, seed: int, epoch: int, expected: Mark | None = None, rank: int = 0) -> None:
        self._draws = OwnDraws(seed, _ORDER, epoch)
        self._expected = expected
        # Of a stream: who reads it, and where they are.
        self._seeds, self._epoch = (seed, _ORDER, rank), epoch
        self._reading: Reading | None = None
        self._rows = self._batches = self._sum = 0
        self._after: dict[int, Mark] = {}
        self.differs = False

    def walk(self, loader: Any, taken: Taken | None = None, rank: int = 0) -> Iterator[Any]:
        """The batches of the epoch, or those whose numbers `taken` takes; workers of each `rank` draw by themselves."""
        if not numbers_rows(loader):
            return self._apart(loader)
        seeded = loader.num_workers > 0
        return taken_from(loader, lambda batches: (taken or iter)(self.of_indexes(batches, seeded=seeded)), rank)

    def rows_expected(self) -> int | None:
        """How many rows were asked for by number before the place; None where nobody counted."""
        kind, rows = (*(self._expected or ()), None, None)[:2]
        return rows if kind == "rows" and type(rows) is int else None

    def behind(self, loader: Any, rows: int) -> tuple[Iterator[Any], int]:
        """The batches behind so many rows that it asks for by number, none of which is loaded, and how many it passed.

        Where the place is inside of a batch, its rest is the first.
        """
        passed: list[int] = []
        # A loader with workers asks twice for an iterator, and draws from the second when its own is made.
        taken = _later if loader.num_workers else _behind
        return self.walk(loader, lambda batches: taken(rows, iter(batches), passed)), len(passed)

    def walk_on(
        self, loader: Any, place: Place, told: Callable[[int], object], *, passed: int, before: deque[Any] | None = None
    ) -> Iterator[Any]:
        """The batches behind a place in a stream, before which lie so many; `told` hears of rows that are read again.

        `before` gets the last of the others, as many as it holds, unless the stream tells its place. Raises
        DataPositionError for a state that the stream does not take, OtherDataError for one of other rows.
        """
        kept = 1 if before is None else before.maxlen or 1
        self._reading = Reading(loader, self._seeds, self._epoch, place, told, passed, kept)
        self._reading.tell(place)
        batches = self._apart(loader)
        with self._reading.counted(told):
            # Read now, not at the first use: so it is told at once where the data is another.
            first = list(islice(batches, 1))
        if before is not None:
            before.extend(self._reading.readers.before(kept))
        self.differs = self.differs or not self._reading.readers.is_as_expected()
        return chain(first, batches)

    def _apart(self, loader: Any) -> Iterator[Any]:
        if self._reading is None:
            self._reading = Reading(loader, self._seeds, self._epoch)
        with self._draws:
            iterator = self._reading.begun()
        return self.drawn(iterator)

    def drawn(self, iterator: Iterator[Any]) -> Iterator[Any]:
        reading = self._reading
        while True:
            with self._draws:
                try:
                    drawn = next(iterator)
                except StopIteration:
                    return
            if isinstance(drawn, Passed):
                if reading is not None:
                    reading.readers.passed(drawn)
                if drawn.last and (reading is None or reading.in_same_batches):
                    self.compare(drawn.last[-1])
                continue
            yield drawn if reading is None else reading.taken(drawn, self._draws.inside)

    def of_indexes(self, batches: Iterable[Any], *, seeded: bool = False) -> Iterator[Any]:
        """The batches of row numbers, taken note of. `seeded`: what a worker draws for one follows from its number."""
        with self._draws:
            iterator = iter(batches)
        for batch in self.drawn(iterator):
            self._note(batch if isinstance(batch, list | tuple) else [batch])
            is_seeded = seeded and type(batch) is list
            seeds = *self._seeds[:2], self._epoch, self._batches
            yield SeededIndexes(batch, self._epoch, seeds) if is_seeded else batch

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
        if self._reading is not None:
            self._reading.readers.used(batches)

    def place(self) -> Place | None:
        """Where the readers of a stream are; None where it is read as a whole by others, or nobody knows."""
        return None if self._reading is None else self._reading.place()

    def mark(self, batches: int, last: Any) -> Mark | None:
        """After so many batches, of which `last` is the last one."""
        if self._batches:
            return self._after.get(batches)
        return None if last is None else ("batch", _content(last), marks_of_batch(last))

    def compare(self, last: Any) -> None:
        """The last batch that was passed over, where the place is the end of a batch."""
        if self._expected is None or self._expected[0] != "batch" or self._expected[1] == _content(last):
            return
        lasting, here = (*self._expected[2:], {})[0], marks_of_batch(last)
        # Where values that nobody changes by chance are what they were, so is the order.
        known = lasting.keys() & here.keys() if isinstance(lasting, Mapping) else ()
        self.differs = not known or any(lasting[name] != here[name] for name in known)


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
        size = rows_of(batch)
        if most is None and row + size > position.rows:
            rest = rest_of(batch, position.rows - row)
            return chain([rest], iterator), position.rows, passed
        row, passed = row + size, passed + 1
        told(row)
        before.append(batch)
        if most is None and row == position.rows:
            order.compare(batch)
    return iterator, row, passed


def numbers_in(batch: Any) -> int:
    """The row numbers in a batch of them, or the one that it is."""
    return len(batch) if isinstance(batch, list | tuple) else 1


def without_first(batch: Any, used: int) -> Any:
    """A batch of row numbers without the first ones."""
    return batch.rest(used) if isinstance(batch, SeededIndexes) else batch[used:]


def _behind(rows: int, batches: Iterator[Any], passed: list[int]) -> Iterator[Any]:
    """Passed over now, not at the first use: so nothing is drawn for a row before random states are restored."""
    row = 0
    for batch in batches:
        size = numbers_in(batch)
        if row + size > rows:
            return chain([without_first(batch, rows - row) if row < rows else batch], batches)
        row += size
        passed.append(size)
        if row == rows:
            break
    return batches


def _later(rows: int, batches: Iterator[Any], passed: list[int]) -> Iterator[Any]:
    yield from _behind(rows, batches, passed)


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


# Walking without what torch does around every batch


def walked(loader: Iterable[Any], indexes: Iterable[list[Any]] | None = None) -> Iterator[Any]:
    """What iter(loader) gives, in less time where rows are fetched in this process; `indexes` may stand for its own."""
    if type(loader) is not DataLoader or loader.num_workers or loader.pin_memory or loader.batch_sampler is None:
        return begun(loader)
    if isinstance(loader.dataset, IterableDataset):
        return begun(loader)
    # torch draws a seed for workers, be there any or none; whatever draws after it must find what it would find.
    torch.empty((), dtype=torch.int64).random_(generator=loader.generator)
    # Now, for rows are passed over by their numbers when a walk begins.
    return _fetched(loader, iter(loader.batch_sampler if indexes is None else indexes))


def _fetched(loader: DataLoader[Any], batches: Iterator[list[Any]]) -> Iterator[Any]:
    dataset, collate = loader.dataset, loader.collate_fn
    by_many = getattr(dataset, "__getitems__", None)
    for numbers in batches:
        yield collate(by_many(numbers) if by_many else [dataset[number] for number in numbers])
