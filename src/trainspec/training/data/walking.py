"""Walking through a loader from any batch of any epoch, whoever made it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch.utils.data import DataLoader, IterableDataset, Sampler

from trainspec.training.data.direct import walked
from trainspec.training.data.draws import mixed_seed
from trainspec.training.data.rows import row_count
from trainspec.training.data.sampler import EpochSampler
from trainspec.training.data.workers import SeededBatches

if TYPE_CHECKING:
    from collections.abc import Sequence

_first_seeds: WeakKeyDictionary[torch.Generator, int] = WeakKeyDictionary()


def batches(loader: Iterable[Any], epoch: int, start: int, seed: int) -> Iterator[Any]:
    """The batches of one epoch from number `start` on; those before it are not even loaded where we own the order.

    `loader` is anything that can be walked through again and again. A loader of torch that was given no generator gets
    one from `seed`, so that its order does not hang on what the model draws; one that has a generator keeps its first
    epoch. Whatever has a `set_epoch` is told.
    """
    parts = _parts(loader)
    for part in parts:
        _seed(part, epoch, seed)
        _tell(part, epoch)
    number, skips = 0, False
    for part in parts:
        if isinstance(part, EpochSampler):
            rows = getattr(loader, "batch_size", None)
            # Of somebody else's batches nobody knows how many rows they take.
            number, skips = (start, True) if rows is not None else (0, False)
            part.move_to(epoch, number * (rows or 0))
    for part in parts:
        if isinstance(part, SeededBatches):
            part.move_to(epoch, number)
    iterator = walked(loader)
    if not skips:
        # Passed over now, not at the first use: what loading them draws is drawn before random states are restored.
        deque(islice(iterator, start), maxlen=0)
    return iterator


def epoch_lengths(loader: Any) -> tuple[int | None, int | None]:
    """Rows and batches of one epoch as the loader tells them; None for what it does not know."""
    return row_count(_source_of_rows(loader)), row_count(loader)


def _source_of_rows(loader: Any) -> Any:
    dataset, by_batch = getattr(loader, "dataset", None), getattr(loader, "batch_sampler", None)
    if by_batch is None or isinstance(dataset, IterableDataset):
        return dataset
    # A sampler may take fewer rows than there are, or some of them twice.
    return getattr(by_batch, "sampler", None)


def _parts(loader: Any) -> Sequence[Any]:
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
