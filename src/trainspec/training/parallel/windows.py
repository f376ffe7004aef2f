"""Accumulation windows that are the same in every process: as many micro-batches, and parts of one mean.

At the start of a window every process says what it has, in one small sum over all: how many micro-batches, and how much
is in them. That decides what part of the window's mean loss each micro-batch is, and when the data has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from trainspec.settings.values.choices import UnevenInputs
from trainspec.training.errors import NoBatchesError, TrainingError
from trainspec.training.loss.items import MicroBatchItems, items_of
from trainspec.training.model.counting import count_items, count_rows, count_rows_and_items

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from trainspec.training.data.sharing.walks import Walk
    from trainspec.training.parallel.strategy import Strategy


# What is counted of rows that do not come out even, as states and summaries call it.
_UNEVEN = ("padded_rows", "dropped_rows")
# Of a window that nobody's own code took: None is what that code may say.
_NOT_ASKED: Any = object()


class Totals(NamedTuple):
    """What an update has used up in all processes: rows, tokens of the main input, floating-point operations."""

    rows: int
    tokens: int
    operations: float


@dataclass(frozen=True)
class Counting:
    """How what is in a batch is counted. `tokens` is None where nobody wants them counted; `items`: whether losses are
    weighed by the items of a window; `across`: by those of all processes.
    """

    label_names: Callable[[], Sequence[str]]
    operations: Callable[[Any], float]
    tokens: Callable[[Any], int] | None
    shifted: bool
    items: bool
    across: bool = True

    def totals(self, batches: Sequence[Any]) -> Totals:
        names, rows = self.label_names(), 0
        for batch in batches:
            rows += count_rows(batch, names)
        return self._with_rows(rows, batches)

    def totals_and_items(self, batches: Sequence[Any]) -> tuple[Totals, list[int]]:
        """The items of each batch, too: a look at its labels tells both."""
        names, rows, items = self.label_names(), 0, []
        for batch in batches:
            in_batch, count = count_rows_and_items(batch, names, shifted=self.shifted)
            rows += in_batch
            items.append(int(count))
        return self._with_rows(rows, batches), items

    def _with_rows(self, rows: int, batches: Sequence[Any]) -> Totals:
        operations, tokens = 0.0, 0
        for batch in batches:
            operations += self.operations(batch)
            if self.tokens is not None:
                tokens += self.tokens(batch)
        return Totals(rows, int(tokens), operations)


class Windows:
    """Of one process, which has nobody to agree with."""

    def __init__(self, counting: Counting) -> None:
        self._counting = counting
        self._padded = self._dropped = 0

    def agreed(self, window: list[Any], walk: Walk, *, asks: bool = False) -> list[Any]:
        """The window that this process trains on, given what it took from the data: empty where the data has ended.

        `asks`: whether something in this process may ask for what others do not know of.
        """
        return window

    @property
    def somebody_asked(self) -> bool:
        """With the newest window: if nobody did, all processes come to the same decisions without a word."""
        return True

    def items(self, window: list[Any]) -> list[MicroBatchItems] | None:
        """Those of every micro-batch, None where every one of them is a window of its own."""
        if not self._counting.items:
            return None
        return items_of(window, self._counting.label_names(), shifted=self._counting.shifted)

    def totals(self, window: list[Any]) -> Totals:
        return self._counting.totals(window)

    def end_epoch(self, walk: Walk) -> None:
        """The data of an epoch has been used up."""

    def uneven_rows(self) -> dict[str, int]:
        """`padded_rows` and `dropped_rows` of all processes so far, where there are any: every process asks."""
        return {name: count for name, count in zip(_UNEVEN, self._all_uneven(), strict=True) if count}

    def goes_on(self, uneven: Mapping[str, Any]) -> None:
        """From those that a run before has counted."""
        self._padded, self._dropped = (uneven.get(name, 0) for name in _UNEVEN)

    def _all_uneven(self) -> Sequence[int]:
        return self._padded, self._dropped


class Told:
    """What all processes say of a window: a sum, in the order of `Told.of`, waited for once it is needed."""

    __slots__ = ("_answers", "_own", "_said", "_total")

    def __init__(self, answers: Callable[[], list[float]], own: int | None = None) -> None:
        """`own`: the items of this process, where losses are weighed by those alone; its parts then make up one of as
        many equal parts as there are processes that have any.
        """
        self._answers, self._own = answers, own
        self._said: list[float] | None = None
        self._total: int | None = None

    @staticmethod
    def of(own: int, totals: Totals, has: list[bool], *, asks: bool) -> list[float]:
        return [own, own > 0, *totals, asks, *has]

    def _heard(self) -> list[float]:
        said = self._said
        if said is None:
            said = self._said = self._answers()
        return said

    @property
    def total(self) -> int:
        """The items of the window, of which every micro-batch is a part."""
        total = self._total
        if total is None:
            said = self._heard()
            total = self._total = int(said[0]) if self._own is None else max(self._own, 1) * int(said[1])
        return total

    @property
    def totals(self) -> Totals:
        said = self._heard()
        return Totals(int(said[2]), int(said[3]), said[4])

    @property
    def asked(self) -> bool:
        return self._heard()[5] > 0

    def longest(self, size: int) -> int:
        return sum(some > 0 for some in self._heard()[6 : 6 + size])


class SharedItems(MicroBatchItems):
    """Numbers, of which the total is not waited for before somebody needs it."""

    __slots__ = ("_number", "_told")
    _number: int
    _told: Told
    # Nothing of it is a field.
    __setattr__ = object.__setattr__

    def __init__(self, number: int, told: Told) -> None:
        self._number, self._told = number, told

    @property
    def count(self) -> Tensor:
        return torch.tensor(self._number)

    @property
    def total(self) -> Tensor:
        return torch.tensor(self._told.total)

    @property
    def is_empty(self) -> bool:
        return not self._number

    @property
    def share(self) -> float | None:
        whole = self._told.total
        return self._number / whole if whole else None


class SharedWindow(list[Any]):
    """Micro-batches of one process, of which `taken` came from the data now, with what is known of those of all.

    `padded` and `dropped` are rows of this process: those of a window that was taken ahead are not used up yet.
    """

    padded = dropped = 0

    def __init__(self, batches: Sequence[Any], taken: Sequence[Any], items: list[MicroBatchItems], told: Told) -> None:
        super().__init__(batches)
        self.taken = taken
        self.items = items
        self.told = told


class SharedWindows(Windows):
    """Of several processes, of which one may have fewer micro-batches than others.

    It repeats its last one, or one row of it, which counts nothing; or the others leave out what they have more.
    """

    def __init__(
        self, counting: Counting, strategy: Strategy, size: int, uneven: UnevenInputs = UnevenInputs.PAD
    ) -> None:
        super().__init__(counting)
        self._uneven = uneven
        self._dropped_at_end = 0
        self._strategy = strategy
        self._size = size
        self._has_all = [True] * size
        self._last: Any = None
        self._told: Told | None = None

    def agreed(self, window: list[Any], walk: Walk, *, asks: bool = False) -> list[Any]:
        if len(window) > self._size:
            raise TrainingError(
                f"get_batch_samples gave {len(window)} micro-batches, but gradient_accumulation_steps is {self._size}: "
                "several processes count on that many at most"
            )
        dropped = 0
        if self._is_plain(window, walk):
            return self._agreed_plainly(window, asks=asks)
        if self._uneven == UnevenInputs.DROP and walk.own_batches is not None:
            window, dropped = self._as_long_as_all(window)
        real = [not walk.is_filler(place) for place in range(len(window))]
        are_real, is_whole = all(real), len(window) == self._size
        counts, own = self._counted(window, real)
        mine = window if are_real else [batch for batch, is_real in zip(window, real, strict=True) if is_real]
        found = self._counting.totals(mine)
        has = [number < len(window) for number in range(self._size)]
        told = self._tell(own, found, has, asks=asks)
        # Nobody has more than this one where it has all there can be: it need not wait to know.
        longest = self._size if is_whole else told.longest(self._size)
        parts: list[MicroBatchItems] = [SharedItems(count, told) for count in counts]
        parts += [SharedItems(0, told)] * (longest - len(window))
        shorter = window if are_real else self._kept_short(window, real, walk)
        filled = self._filled_up(shorter, longest, walk)
        shared = SharedWindow(filled, getattr(window, "taken", window), parts, told)
        if not are_real or len(filled) > len(window):
            real += [False] * (len(filled) - len(window))
            shared.padded = sum(_rows_of(batch) for batch, is_real in zip(filled, real, strict=True) if not is_real)
        if dropped:
            shared.dropped = dropped
            # The one with which the data ends is never trained on.
            self._dropped_at_end = 0 if shared else dropped
        return shared

    def _is_plain(self, window: list[Any], walk: Walk) -> bool:
        """Whether this is what nearly all are: whole, as the data gave it, with rows of this process in all of it."""
        if len(window) != self._size or type(window) is not list:
            return False
        may_be_cut = self._uneven == UnevenInputs.DROP and walk.own_batches is not None
        return not may_be_cut and not any(map(walk.is_filler, range(self._size)))

    def _agreed_plainly(self, window: list[Any], *, asks: bool) -> list[Any]:
        """An update must not pay for what the last of an epoch needs."""
        found, counts = self._counting.totals_and_items(window)
        told = self._tell(sum(counts), found, self._has_all, asks=asks)
        self._last = window[-1]
        return SharedWindow(window, window, [SharedItems(count, told) for count in counts], told)

    def _tell(self, own: int, found: Totals, has: list[bool], *, asks: bool) -> Told:
        answers = self._strategy.totals_later(Told.of(own, found, has, asks=asks))
        told = self._told = Told(answers, None if self._counting.across else own)
        return told

    @property
    def somebody_asked(self) -> bool:
        told = self._told
        return told is None or told.asked

    def items(self, window: list[Any]) -> list[MicroBatchItems] | None:
        assert isinstance(window, SharedWindow), "it was agreed on"
        return window.items

    def totals(self, window: list[Any]) -> Totals:
        assert isinstance(window, SharedWindow), "it was agreed on"
        if window.padded or window.dropped:
            self._padded += window.padded
            self._dropped += window.dropped
        return window.told.totals

    def _counted(self, window: list[Any], real: list[bool]) -> tuple[list[int], int]:
        """The items of every micro-batch, and of all that this process has, which somebody else may have counted."""
        told = getattr(window, "items", _NOT_ASKED)
        if told is None:
            counts = [*map(int, real)]
        else:
            names, shifted = self._counting.label_names(), self._counting.shifted
            counts = [
                int(count_items(batch, names, shifted=shifted)) if is_real else 0
                for batch, is_real in zip(window, real, strict=True)
            ]
        if told is None or told is _NOT_ASKED:
            return counts, sum(counts)
        return counts, int(torch.as_tensor(told).reshape(-1)[0])

    def _kept_short(self, window: list[Any], real: list[bool], walk: Walk) -> list[Any]:
        """What a walk that began here gives to keep step with others is as long as what `_filled_up` gives."""
        if self._uneven != UnevenInputs.JOIN:
            return window
        return [batch if is_real else walk.one_row(batch) for batch, is_real in zip(window, real, strict=True)]

    def _filled_up(self, window: list[Any], longest: int, walk: Walk) -> list[Any]:
        if window:
            self._last = window[-1]
        elif longest and self._last is None:
            raise NoBatchesError(
                f"process {self._strategy.data_rank} got no batch of the training data, and others did: give it rows"
            )
        missing = longest - len(window)
        if not missing:
            return window
        filler = walk.one_row(self._last) if self._uneven == UnevenInputs.JOIN else self._last
        return [*window, *[filler] * missing]

    def _as_long_as_all(self, window: list[Any]) -> tuple[list[Any], int]:
        """What of it every process has, and how many rows more this one has: the epoch ends for all with the first of
        them whose data does.
        """
        has = [number < len(window) for number in range(self._size)]
        common = sum(some == self._strategy.data_size for some in self._strategy.totals([*has]))
        return window[:common], sum(map(_rows_of, window[common:]))

    def end_epoch(self, walk: Walk) -> None:
        self._dropped += walk.left_out() + self._dropped_at_end
        self._dropped_at_end = 0

    def goes_on(self, uneven: Mapping[str, Any]) -> None:
        if self._strategy.processes.is_main:
            super().goes_on(uneven)

    def _all_uneven(self) -> Sequence[int]:
        return [int(rows) for rows in self._strategy.totals([self._padded, self._dropped])]


def _rows_of(batch: Any) -> int:
    return count_rows(batch) or 1
