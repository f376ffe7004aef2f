"""The order of the training data: a function of the seed and the epoch alone."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.utils.data import Sampler

from trainspec.plan.scale.order import LISTED
from trainspec.training.data.draws import mixed_seed
from trainspec.training.data.lengths import as_lengths, grouped_order, measure
from trainspec.training.data.sharing.permutation import KeyedOrder
from trainspec.training.data.sharing.share import share, uneven_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainspec.training.data.lengths import Lengths

# Places of an order that are computed together, which costs a fraction of doing it one by one.
_AT_ONCE = 8192


class EpochSampler(Sampler[int]):
    """A new permutation for every epoch, which can start part-way.

    The order comes from an own generator, so that nothing else a program draws can change it, and a resumed run gets
    the same order without replaying what came before. An order of more than LISTED rows is never kept as a list: each
    place of it is computed when it is needed.
    """

    LISTED = LISTED

    def __init__(self, length: int, seed: int) -> None:
        self._length = length
        self._seed = seed
        self._epoch = 0
        self._start = 0
        self._keyed = self.is_keyed
        self._share: _Share | None = None

    def share_with(
        self, rank: int, size: int, batch_size: int, *, drop_last: bool = False, drop_uneven: bool = False
    ) -> None:
        """Walk through the rows of one of `size` processes only, in batches of `batch_size`; others as in `share`."""
        self._share = _Share(rank, size, batch_size, drop_last, drop_uneven) if size > 1 else None

    @property
    def shared_by(self) -> tuple[int, int]:
        """The rank and number of those that share the rows."""
        return (0, 1) if self._share is None else (self._share.rank, self._share.size)

    @property
    def is_keyed(self) -> bool:
        """Whether new epochs have orders that are computed place by place."""
        return self._length > self.LISTED

    @property
    def grouping(self) -> int | None:
        """The number of rows that a new epoch's order hangs on, beside its seed; here there is none."""
        return None

    def move_to(self, epoch: int, start: int = 0, grouping: int | None = None, *, keyed: bool | None = None) -> None:
        """The next walk is through this epoch, from row `start` on, in an order made with `grouping`.

        `keyed`: whether that order is computed place by place, where another run has begun it.
        """
        self._epoch = epoch
        self._start = start
        self._keyed = self.is_keyed if keyed is None else keyed

    def __iter__(self) -> Iterator[int]:
        order = self._whole_order()
        if isinstance(order, KeyedOrder):
            return _computed(order, self._places())
        return chain.from_iterable(order[places.start : places.stop] for places in self._places())

    def _places(self) -> Iterator[range]:
        """Those of this process in the order, one range after the other."""
        every, part = range(self._length), self._share
        if part is None:
            blocks = range(self._start, self._length, _AT_ONCE) if self._keyed else [self._start]
            for start in blocks:
                yield every[start : start + _AT_ONCE] if self._keyed else every[start:]
            return
        ways = {"drop_last": part.drop_last, "drop_uneven": part.drop_uneven}
        shares = share(every, part.rank, part.size, part.batch_size, self._start, **ways)
        for number, piece in enumerate(shares):
            # Who has had a batch needs no other to keep step with.
            if piece.real or not number:
                assert isinstance(piece.rows, range)
                yield piece.rows

    def __len__(self) -> int:
        """The rows of a whole epoch, wherever the next walk starts."""
        return self._length

    def batches(self, size: int, *, drop_last: bool) -> int:
        """Of an epoch, of this process."""
        shares = self.shared_by[1]
        length = self._length
        if self._share is not None and self._share.drop_uneven:
            length -= uneven_rows(length, size, shares)
        whole, rest = divmod(length, size * shares)
        return whole + bool(rest and not drop_last)

    def left_out(self) -> int:
        """Rows of this process in the step of the walk that is left out since somebody would have none in it."""
        part = self._share
        if part is None or not part.drop_uneven or part.drop_last:
            return 0
        rest = uneven_rows(self._length - self._start, part.batch_size, part.size)
        return max(0, min(part.batch_size, rest - part.rank * part.batch_size))

    def _whole_order(self) -> Sequence[int] | KeyedOrder:
        if self._keyed:
            return KeyedOrder(self._length, self._seed, self._epoch)
        return self._order(torch.Generator().manual_seed(mixed_seed(self._seed, self._epoch)))

    def _order(self, generator: torch.Generator) -> Sequence[int]:
        order: list[int] = torch.randperm(self._length, generator=generator).tolist()
        return order


class _Share(NamedTuple):
    rank: int
    size: int
    batch_size: int
    drop_last: bool
    drop_uneven: bool


def _computed(order: KeyedOrder, pieces: Iterator[range]) -> Iterator[int]:
    """The rows at these places, of many places at a time."""
    places = chain.from_iterable(pieces)
    while block := list(islice(places, _AT_ONCE)):
        yield from order.at(block).tolist()


class InOrderSampler(EpochSampler):
    """The rows as the data set has them, in every epoch."""

    is_keyed = False

    def _order(self, generator: torch.Generator) -> Sequence[int]:
        return range(len(self))


class GroupedEpochSampler(EpochSampler):
    """An order in which rows of similar length are neighbours, the longest of all in the first batch.

    Which rows are sorted together hangs on the batch size. An epoch that another run has begun goes on in the order
    that its batch size made, so that no row comes twice; the next one is ordered for the batch size of now.
    """

    # Their lengths are kept anyway.
    is_keyed = False

    def __init__(self, lengths: Lengths, batch_size: int, seed: int) -> None:
        super().__init__(len(lengths), seed)
        self._lengths = lengths
        self._grouping = self._batch_size = batch_size

    @property
    def grouping(self) -> int:
        return self._batch_size

    def move_to(self, epoch: int, start: int = 0, grouping: int | None = None, *, keyed: bool | None = None) -> None:
        super().move_to(epoch, start)
        self._grouping = self._batch_size if grouping is None else grouping

    def _order(self, generator: torch.Generator) -> Sequence[int]:
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
