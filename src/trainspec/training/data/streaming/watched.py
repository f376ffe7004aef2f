"""A stream as a loader of torch reads it, in this process or in workers: with each batch comes where its reader is.

Where a run goes on, every reader goes to its place by itself: it has the stream begin there where that can be told,
else it takes its rows again without making batches of them, and hands nothing on. Then it stands in for the batch that
it had handed on in the round under way, so that the readers take their turns as they did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from torch.utils.data import IterableDataset, get_worker_info

from trainspec.training.data.draws import draws_nothing, draws_of_program, same_draws, seed_generators, set_draws
from trainspec.training.data.streaming.held import begin_held_generators
from trainspec.training.data.streaming.marks import lasting_marks
from trainspec.training.data.streaming.states import load, state_text, states_itself, stating

if TYPE_CHECKING:
    from torch import Tensor

    from trainspec.training.data.draws import Draws

# Rows that tell other data from this.
FIRST = 3


class Note(NamedTuple):
    """Where a reader is after a batch: `rows` more are taken, it `ended` with them, `state` is that of the stream.

    `refused` is why the state cannot be saved, `first` the marks of its first rows where they are in the batch, `draws`
    its generators, in a worker and where they are others than after the batch before.
    """

    reader: int
    rows: int
    ended: bool
    state: str | None
    refused: str | None
    first: dict[str, str] | None
    draws: Draws | None


class Delivered(NamedTuple):
    """A batch on its way to the main process."""

    batch: Any
    note: Note


class Passed(NamedTuple):
    """In the place of a batch: the reader is where it was. `last` are the batches before the place that were its own,
    made again, `first` the marks of the reader's first rows; of a stream that was begun elsewhere neither.
    """

    reader: int
    rows: int
    last: tuple[Any, ...]
    first: dict[str, str] | None


class Begin(NamedTuple):
    """Where a reader goes on: after so many `rows`, or with the `state` in a tuple; `in_turn`: it stands in for so many
    batches that others wait for, and hands on its `last` ones before the place with the first of them.
    """

    rows: int
    ended: bool
    state: tuple[Any, ...]
    draws: Draws
    in_turn: int
    last: int


class _Blank:
    """In the place of rows that were handed on before."""


_BLANK = _Blank()


class Watched(IterableDataset[Any]):
    """Looks like the data set, of which it is the reader."""

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None,
        collate: Callable[[Any], Any],
        begins: list[Begin | None],
        *,
        seeds: tuple[int, ...],
        epoch: Tensor | None,
        told: Callable[[int], object] | None = None,
        counters: Tensor | None = None,
    ) -> None:
        """`begins`: of each reader, or of none. Of workers that stay for more epochs `epoch` tells the one that begins,
        and all that they draw follows from it and `seeds`. What hears how many rows were taken again is `told`, and of
        workers `counters`, one for each.
        """
        own = {"dataset": dataset, "batch_size": batch_size, "collate": collate, "begins": begins, "seeds": seeds}
        vars(self).update({f"_own_{name}": value for name, value in own.items()})
        vars(self).update(_own_epoch=epoch, _own_told=told, _own_counters=counters, _own_reading=None, _own_walks=0)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_own_"):
            raise AttributeError(name)
        return getattr(self._own_dataset, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._own_dataset, name, value)

    @property  # type: ignore[misc]  # what is read-only here nobody sets
    def __class__(self) -> Any:
        # What a worker is to do with its data set may hang on what kind it is.
        return type(self._own_dataset)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # Nobody in another process is told.
        return _rebuilt, ({**vars(self), "_own_told": None},)

    def __iter__(self) -> Iterator[Any]:
        walk = vars(self)["_own_walks"]
        vars(self)["_own_walks"] = walk + 1
        worker = get_worker_info()
        if self._own_epoch is not None and worker is not None:
            self._begin_epoch(int(self._own_epoch), worker.id, is_first=not walk)
        begins = self._own_begins if not walk else []
        number = 0 if worker is None else worker.id
        reading = _Reading(number, self._own_batch_size, None if worker is None else ())
        vars(self)["_own_reading"] = reading
        begin = begins[number] if begins else None
        return reading.begin(self._own_dataset) if begin is None else self._going_on(reading, begin)

    def _begin_epoch(self, epoch: int, worker: int, *, is_first: bool) -> None:
        """A worker that outlives an epoch is as one that was started for the next."""
        seed_generators(*self._own_seeds, epoch, worker)
        if is_first:
            return
        begin_held_generators(self._own_dataset, epoch)
        set_epoch = getattr(self._own_dataset, "set_epoch", None)
        if callable(set_epoch):
            set_epoch(epoch)

    def _going_on(self, reading: _Reading, begin: Begin) -> Iterator[Any]:
        rows: Iterator[Any]
        if begin.state:
            rows = reading.begin(self._own_dataset, begin)
        elif begin.ended and not begin.last:
            rows = reading.ended(begin)
        else:
            rows = reading.begin(self._own_dataset)
            reading.pass_over(rows, begin, self._own_collate, self._heard)
        set_draws(begin.draws)
        size = self._own_batch_size
        return chain(repeat(_BLANK, begin.in_turn * (1 if size is None else size)), rows)

    def _heard(self, rows: int) -> None:
        if self._own_told is not None:
            self._own_told(rows)
        if self._own_counters is not None:
            self._own_counters[self._own_reading.number] = rows


def _rebuilt(own: dict[str, Any]) -> Watched:
    watched = Watched.__new__(Watched)
    vars(watched).update(own)
    return watched


class WatchedBatches:
    """In the place of a loader's collator: sends along where the reader is."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def __call__(self, rows: Any) -> Any:
        watched = self._watched
        reading: _Reading = watched._own_reading
        first = rows[0] if watched._own_batch_size is not None else rows
        if first is _BLANK:
            return reading.passed()
        batch = watched._own_collate(rows)
        return Delivered(batch, reading.note(rows))


class _Reading:
    """One walk of one reader. `draws`: what was told of its generators last, None where nobody asks."""

    def __init__(self, number: int, batch_size: int | None, draws: Any) -> None:
        self.number = number
        self._size, self._draws = batch_size, draws
        self._first: dict[str, str] | None = None
        self._rows = 0
        self._last: tuple[Any, ...] = ()
        self._states: Any = None

    def begin(self, dataset: Any, begin: Begin | None = None) -> Iterator[Any]:
        """The stream's rows, from its beginning or from the state that `begin` has."""
        self._states = stating(dataset)
        if begin is not None and self._states is not None:
            load(self._states, *begin.state)
        iterator: Any = iter(dataset if begin is None or not begin.ended else ())
        if self._states is None and states_itself(iterator):
            self._states = iterator
        if begin is not None:
            if self._states is iterator:
                load(iterator, *begin.state)
            # The first ones are of before.
            self._rows, self._first = begin.rows, {}
        return iter(iterator)

    def ended(self, begin: Begin) -> Iterator[Any]:
        """Nothing is left, and nobody asks for what was."""
        self._rows = begin.rows
        return iter(())

    def pass_over(
        self, rows: Iterator[Any], begin: Begin, collate: Callable[[Any], Any], told: Callable[[int], object]
    ) -> None:
        """Take the rows before the place again, those of a batch at a time.

        What a collator draws is drawn from the numbers that the stream draws from: it is asked for every batch where
        it draws for the first one.
        """
        is_needed: bool | None = None
        while self._rows < begin.rows:
            size = 1 if self._size is None else self._size
            taken = list(islice(rows, min(size, begin.rows - self._rows)))
            if not taken:
                return
            whole = taken[0] if self._size is None else taken
            self._note_first(taken)
            self._rows += len(taken)
            is_last = -(-(begin.rows - self._rows) // size) < begin.last
            batch: Any = None
            if is_needed is None:
                batch, draws_none = draws_nothing(partial(collate, whole))
                is_needed = not draws_none
            elif is_needed or is_last:
                batch = collate(whole)
            self._last += (batch,) if is_last else ()
            told(self._rows)

    def passed(self) -> Passed:
        last, self._last = self._last, ()
        return Passed(self.number, self._rows, last, self._first)

    def note(self, rows: Any) -> Note:
        taken = [rows] if self._size is None else rows
        self._rows += len(taken)
        is_first, ended = self._first is None, self._size is not None and len(taken) < self._size
        if is_first:
            self._note_first(taken)
        state, refused = (None, None) if self._states is None else state_text(self._states)
        first = self._first if is_first else None
        return Note(self.number, len(taken), ended, state, refused, first, self._new_draws())

    def _note_first(self, rows: list[Any]) -> None:
        if self._first is None:
            self._first = lasting_marks(rows[:FIRST])

    def _new_draws(self) -> Draws | None:
        if self._draws is None:
            return None
        now = draws_of_program()
        if self._draws and same_draws(now, self._draws):
            return None
        self._draws = now
        # A tensor would be sent by way of a file.
        return now[0], now[1], now[2].numpy()
