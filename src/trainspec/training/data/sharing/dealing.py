"""Batches of one order dealt out among processes: in every step each takes the next one.

    batch of the order   0   1   2   3   4
    step and rank       0,0 0,1 1,0 1,1 2,0    two processes; in the last step nothing is left for the second

So what is used up after a step is the beginning of the order, whatever number of processes goes on behind it.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from trainspec.training.data.position import rows_of
from trainspec.training.parallel.processes import NestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trainspec.training.data.sharing.sharing import Sharing


class Step(NamedTuple):
    """One batch of this process: `rows` used up by all in that step, and whether the batch is one that counts."""

    rows: int
    is_real: bool


class Dealt:
    """The batches of this process in one epoch. `steps`: of those that were handed out, until `used` takes them.

    A process for which nothing is left has fewer batches than others. One that would have none at all gets what it had
    in the step `before` the first, else the first one, which does not count for it: it must keep step with the others.
    """

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing
        self.steps: deque[Step] = deque()
        # The batches of the step before the first, where that was passed over.
        self.before: deque[Any] = deque(maxlen=sharing.size)
        # Rows that this process would have had in a step that was left out.
        self.dropped = 0
        # Whether others had a batch in the last step, and this process none.
        self.lacks_one = False

    def used(self, batches: int) -> int:
        """Rows of all processes in the next so many steps."""
        return sum(self.steps.popleft().rows for _ in range(min(batches, len(self.steps))))

    def is_filler(self, ahead: int) -> bool:
        return ahead < len(self.steps) and not self.steps[ahead].is_real

    def of(self, batches: Iterable[Any], count: Callable[[Any], int] = rows_of) -> Iterator[Any]:
        """Those of batches that every process sees; `count` tells their rows."""
        rank, size = self._sharing.rank, self._sharing.size
        had, iterator = False, iter(batches)
        while group := list(islice(iterator, size)):
            rows = sum(map(count, group))
            if len(group) < size and self._sharing.drops:
                self.dropped += count(group[rank]) if rank < len(group) else 0
                return
            if rank < len(group):
                had = True
                self.steps.append(Step(rows, True))
                yield group[rank]
            elif had:
                self.lacks_one = True
            else:
                self.steps.append(Step(rows, False))
                yield self._filler(rank, group)

    def _filler(self, rank: int, group: list[Any]) -> Any:
        return self.before[rank] if len(self.before) == self._sharing.size else group[0]

    def from_main(self, batches: Iterator[Any] | None) -> Iterator[Any]:
        """Those that the main process reads and sends; elsewhere `batches` is None.

        Raises NestError, in every process, for batches that cannot be sent, and what reading them raises.
        """
        processes, size = self._sharing.processes, self._sharing.size
        ranks, had = processes.each(self._sharing.rank), False
        while True:
            group, failure = _read(batches, size)
            rows, is_last = sum(map(rows_of, group)), len(group) < size
            if is_last and self._sharing.drops:
                self.dropped += rows
                group = []
            sent = [group[rank] if rank < len(group) else self._filler(rank, group) for rank in ranks] if group else []
            known = {"rows": rows, "batches": len(group), "failure": failure and str(failure)}
            try:
                mine, told = processes.deal(None if batches is None else sent, known)
            except NestError as error:
                error.add_note("set dispatch_batches: false in accelerator_config: then every process reads the data")
                raise
            if told["failure"]:
                raise failure or NestError(f"rank 0 could not read the training data: {told['failure']}")
            if not told["batches"]:
                return
            is_real = self._sharing.rank < told["batches"]
            self.lacks_one = had and not is_real
            if not self.lacks_one:
                self.steps.append(Step(told["rows"], is_real))
                had = True
                yield mine
            if told["batches"] < size:
                return


def _read(batches: Iterator[Any] | None, count: int) -> tuple[list[Any], Exception | None]:
    try:
        return list(islice(() if batches is None else batches, count)), None
    except Exception as error:  # whatever the user's code raises: the others must hear of it
        return [], error
