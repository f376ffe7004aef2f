"""Which process saves which tensors of a model: whole ones, each by one process, so that none saves all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from trainspec.plan.shards import shards_of

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class DealtWeights:
    """A model's weights under plain names. `writers` says which process has one, `world_size` of how many.

    Elsewhere a tensor on the meta device stands for it. A tied weight is one object under each of its names.
    """

    tensors: Mapping[str, Tensor]
    writers: Mapping[str, int]


def dealt(sizes: Mapping[str, int], world_size: int, of_main: Collection[str] = ()) -> dict[str, int]:
    """By name the rank of who saves it, of bytes by name: the same in every process that asks.

    What is `of_main` only the main process has as it is to be saved. The others get about as much each, or nothing
    where there is too little for all.
    """
    shares = shards_of(sum(sizes.values()), world_size)
    # Spread over all, and so over nodes.
    loads = {number * world_size // shares: 0 for number in range(shares)}
    found = dict.fromkeys(of_main, 0)
    loads[0] = sum(sizes.get(name, 0) for name in of_main)
    for name in sorted(sizes.keys() - found.keys(), key=lambda name: (-sizes[name], name)):
        found[name] = min(loads, key=lambda rank: (loads[rank], rank))
        loads[found[name]] += sizes[name]
    return found


def elsewhere(value: Tensor) -> Tensor:
    """What stands for a tensor that another process has."""
    return torch.empty(value.shape, dtype=value.dtype, device="meta")


def a_few_at_once(names: Iterable[str], sizes: Mapping[str, int], most: int) -> Iterator[list[str]]:
    """In their order, as many together as have `most` bytes, or a single one that has more."""
    together: list[str] = []
    held = 0
    for name in names:
        if together and held + sizes[name] > most:
            yield together
            together, held = [], 0
        together.append(name)
        held += sizes[name]
    if together:
        yield together
