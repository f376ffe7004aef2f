"""The rest of an epoch for one process: its batches, and how far all of them are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.training.data.position import DataPositionError, rest_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainspec.training.data.order import Mark, Order
    from trainspec.training.data.sampler import EpochSampler
    from trainspec.training.data.sharing.dealing import Dealt
    from trainspec.training.data.sharing.sharing import Sharing
    from trainspec.training.data.streaming.place import Place


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

    def place(self) -> Place | None:
        """Where the readers of a stream are that this process reads; None where nobody knows."""
        return None if self._order is None else self._order.place()

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

    def mark(self) -> Mark | None:
        # Of batches without numbers the last one may be that of another process.
        return None if self._order is None else self._order.mark(self._used, None)

    def is_filler(self, ahead: int) -> bool:
        return self._dealt.is_filler(ahead)

    def left_out(self) -> int:
        # Whoever counted the steps did not ask for one more.
        next(self.batches, None)
        return self._dealt.dropped


class StreamWalk(Walk):
    """Through a stream of this process's own, beside which others read theirs."""

    own_batches: int

    def __init__(self, batches: Iterator[Any], row: int, passed: int, order: Order) -> None:
        super().__init__(batches, row, passed)
        self.own_batches = passed
        self._own_order = order

    def advance(self, used: Sequence[Any], everywhere: int | None = None, steps: int = 0) -> int:
        # As many as the process with most of them: whoever has fewer has come to the end of its stream.
        self.own_batches += max(steps, len(used))
        self._own_order.used(self.own_batches)
        return super().advance(used, everywhere)

    def place(self) -> Place | None:
        return self._own_order.place()


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
