"""A loader's walk through a stream, and where its readers are meanwhile."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch.utils.data import DataLoader, IterableDataset, IterDataPipe

from trainspec.training.data.draws import set_draws
from trainspec.training.data.streaming.place import Readers
from trainspec.training.data.streaming.states import load, state_of, state_text, states_itself
from trainspec.training.data.streaming.watched import Delivered, Note, Watched, WatchedBatches
from trainspec.training.data.workers import begun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from trainspec.training.data.draws import Draws
    from trainspec.training.data.streaming.place import Place

logger = logging.getLogger(__name__)

# Seconds between two looks at how far workers are.
_LOOKS = 0.2
# Loaders whose state was said to be none that could be saved.
_told: WeakSet[Any] = WeakSet()
# The epoch that a loader is in, for its workers to see.
_epochs: WeakKeyDictionary[Any, Tensor] = WeakKeyDictionary()


def is_watched(loader: Any) -> bool:
    """Whether a loader of torch reads a stream, in a way that can be watched."""
    reads = isinstance(loader, DataLoader) and isinstance(loader.dataset, IterableDataset)
    return reads and type(loader).__iter__ is DataLoader.__iter__ and not isinstance(loader.dataset, IterDataPipe)


def takes(loader: Any, place: Place | None) -> bool:
    """Whether a walk through the loader can begin at the place."""
    if place is None or place.whole != states_itself(loader):
        return False
    if place.whole:
        return place.has_states
    # Several readers take turns by whole batches.
    several = max(1, loader.num_workers) if is_watched(loader) else 0
    return len(place.readers) == several and (several == 1 or place.size == loader.batch_size)


class Reading:
    """Of one epoch, from its beginning or from a place on; `kept` of the batches before that are made again."""

    def __init__(
        self,
        loader: Any,
        seeds: tuple[int, ...],
        epoch: int,
        place: Place | None = None,
        told: Callable[[int], object] | None = None,
        passed: int = 0,
        kept: int = 1,
    ) -> None:
        self._loader, self._seeds, self._epoch, self._begun, self._told = loader, seeds, epoch, place, told
        self._whole, self._kept = states_itself(loader), kept
        self._watched = not self._whole and is_watched(loader)
        self._workers = loader.num_workers if self._watched else 0
        self._counters: Tensor | None = None
        if place is not None and self._workers:
            counters: Any = torch.zeros(self._workers, dtype=torch.int64)
            self._counters = counters.share_memory_()
        size = loader.batch_size if self._watched else None
        self.readers = Readers(size, whole=self._whole, begun=place, passed=passed)
        # Else the batch before the place is another one than it was.
        self.in_same_batches = place is None or place.size == size
        # What tells the place of a loader that is nobody's.
        self._stating: Any = loader if self._whole else None

    def begun(self) -> Iterator[Any]:
        """The loader's iterator; within the draws that are its own."""
        if self._watched:
            return self._begun_watched()
        draws = None if self._begun is None else self._begun.readers[0].draws
        state = None if self._begun is None else self._begun.readers[0].state
        if state is not None:
            load(self._stating, state_of(json.loads(state)))
        iterator = begun(self._loader)
        if draws is not None:
            set_draws(draws)
        return iterator

    def _begun_watched(self) -> Iterator[Any]:
        loader = self._loader
        dataset, collate = loader.dataset, loader.collate_fn
        watched = Watched(
            dataset,
            loader.batch_size,
            collate,
            [] if self._begun is None else self._begun.begins(self._kept),
            seeds=self._seeds,
            epoch=self._epoch_for_workers() if loader.persistent_workers else None,
            told=None if self._workers else self._told,
            counters=self._counters,
        )
        # The loader lets nobody set its data set, and its iterator takes it when it is made.
        vars(loader)["dataset"], loader.collate_fn = watched, WatchedBatches(watched)
        try:
            return begun(loader)
        finally:
            vars(loader)["dataset"], loader.collate_fn = dataset, collate

    def _epoch_for_workers(self) -> Tensor:
        """What those read that have been there since an earlier epoch."""
        if self._loader not in _epochs:
            number: Any = torch.zeros((), dtype=torch.int64)
            _epochs[self._loader] = number.share_memory_()
        return _epochs[self._loader].fill_(self._epoch)

    def taken(self, drawn: Any, draws: Draws) -> Any:
        """A batch as the run knows it; `draws`: where the generators of this process's readers are after it."""
        if isinstance(drawn, Delivered):
            batch, note = drawn
        elif self._whole:
            batch, note = drawn, Note(0, 1, False, *state_text(self._stating), None, None)
        else:
            return drawn
        if note.refused is not None and self._loader not in _told:
            _told.add(self._loader)
            logger.warning("%s. Where a run goes on, the rows before that are read again", note.refused)
        self.readers.handed(batch, note, None if self._workers else draws)
        return batch

    def tell(self, place: Place) -> None:
        """One line of what is done to be at a place."""
        if place.has_states:
            logger.info("the training data goes on where its state says, behind %d batches", place.batches)
        else:
            rows = sum(reader.rows for reader in place.readers)
            logger.info("%d rows of the training data, which tells no state, are read again and passed over", rows)

    def place(self) -> Place | None:
        """Where all readers are; None where nobody knows."""
        if not self._watched and not self._whole:
            return None
        place = self.readers.place(max(1, self._workers))
        return None if place is None or (self._whole and not place.has_states) else place

    @contextmanager
    def counted(self, told: Callable[[int], object]) -> Iterator[None]:
        """Meanwhile workers read up to their places, and `told` hears how far they are in all."""
        if self._counters is None:
            yield
            return
        over, counters = threading.Event(), self._counters

        def look() -> None:
            while not over.wait(_LOOKS):
                told(int(counters.sum()))

        looking = threading.Thread(target=look, name="rows passed over", daemon=True)
        looking.start()
        try:
            yield
        finally:
            over.set()
            looking.join()
