"""The batches of an evaluation, a step at a time: in every step each process has one, the same number for all."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch

from trainspec.training.data.order import numbers_in, numbers_rows, taken_from, walked
from trainspec.training.data.sharing.dealing import Dealt
from trainspec.training.data.sharing.sharing import reads_its_part
from trainspec.training.data.walking import parts_of
from trainspec.training.errors import NoBatchesError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trainspec.training.data.sharing.sharing import Sharing

logger = logging.getLogger(__name__)
_END = object()


def stepped(loader: Iterable[Any], sharing: Sharing) -> Iterator[tuple[Any, bool]]:
    """Each batch of this process with whether it counts. One for which none is left repeats its last, for nothing.

    In the order of steps, and of processes in each, the batches that count are those of the loader in its order.
    """
    if sharing.is_alone:
        return ((batch, True) for batch in walked(loader))
    if reads_its_part(parts_of(loader), sharing):
        return _of_own_part(loader, sharing)
    return _of_dealt(loader, Dealt(sharing), sharing)


def _of_dealt(loader: Any, dealt: Dealt, sharing: Sharing) -> Iterator[tuple[Any, bool]]:
    if numbers_rows(loader) and not sharing.dispatches:
        batches = taken_from(loader, lambda numbers: dealt.of(numbers, numbers_in), sharing.rank)
    elif sharing.dispatches is False or isinstance(loader, list | tuple):
        batches = dealt.of(walked(loader))
    else:
        batches = dealt.from_main(walked(loader) if sharing.processes.is_main else None)
    batch = None
    for batch in batches:
        yield batch, not dealt.is_filler(0)
        dealt.used(1)
    if dealt.lacks_one:
        yield batch, False


def _of_own_part(loader: Any, sharing: Sharing) -> Iterator[tuple[Any, bool]]:
    """Of a loader that was shared out before it came here; nobody knows how many batches others have."""
    if sharing.rank == 0:
        logger.warning(
            "the data to evaluate on is shared out by its own sampler: its rows come in another order than in one "
            "process, and those that the sampler repeats count twice; leave the sampler out, and each counts once"
        )
    iterator, batch = iter(walked(loader)), _END
    while True:
        following = next(iterator, _END)
        is_real = following is not _END
        if not int(sharing.processes.max(torch.tensor([int(is_real)]))):
            return
        batch = following if is_real else batch
        if batch is _END:
            raise NoBatchesError(f"process {sharing.rank} got no batch to evaluate on, and others did")
        yield batch, is_real
