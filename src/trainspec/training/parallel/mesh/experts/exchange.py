"""Rows of parameters brought together in the process that computes with them, and rows of their gradients back."""

from __future__ import annotations

from collections import defaultdict
from math import prod
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

Shape = tuple[int, ...]


def by_dtype(values: Sequence[Tensor]) -> list[list[int]]:
    """Places of values that can travel together; the same in every process, as formats are."""
    found: dict[torch.dtype, list[int]] = defaultdict(list)
    for place, value in enumerate(values):
        found[value.dtype].append(place)
    return list(found.values())


class Exchange:
    """Of parameters with these `owners` and shapes, of which each process has the rows that Shard(0) gives it."""

    def __init__(self, group: Any, owners: Sequence[int], shapes: Sequence[Shape]) -> None:
        self._group, self._owners, self._shapes = group, owners, shapes
        self._rank, self._size = dist.get_rank(group), dist.get_world_size(group)
        # The places of those that are whole here.
        self.here = [place for place, owner in enumerate(owners) if owner == self._rank]

    def gathered(self, rows: Sequence[Tensor], together: list[list[int]]) -> list[Tensor]:
        """Of the rows that are here of every parameter: those of `here`, whole."""
        found: dict[int, Tensor] = {}
        for places in together:
            owned = self._owned(places)
            came = self._exchanged(
                [[rows[place] for place in there] for there in owned],
                [[self._part(place, source) for place in owned[self._rank]] for source in range(self._size)],
            )
            for number, place in enumerate(owned[self._rank]):
                found[place] = torch.cat([parts[number] for parts in came])
        return [found[place] for place in self.here]

    def given_back(self, whole: Sequence[Tensor], together: list[list[int]]) -> list[Tensor]:
        """Of whole ones of `here`: the rows that are here of every parameter."""
        found, known = dict[int, "Tensor"](), dict(zip(self.here, whole, strict=True))
        for places in together:
            owned = self._owned(places)
            came = self._exchanged(
                [
                    [known[place][slice(*self._rows(place, target))] for place in owned[self._rank]]
                    for target in range(self._size)
                ],
                [[self._part(place, self._rank) for place in there] for there in owned],
            )
            for there, parts in zip(owned, came, strict=True):
                found.update(zip(there, parts, strict=True))
        return [found[place] for place in range(len(self._owners))]

    def _owned(self, places: list[int]) -> list[list[int]]:
        return [[place for place in places if self._owners[place] == owner] for owner in range(self._size)]

    def _rows(self, place: int, rank: int) -> tuple[int, int]:
        rows = self._shapes[place][0]
        each = -(-rows // self._size)
        return min(rows, each * rank), min(rows, each * (rank + 1))

    def _part(self, place: int, rank: int) -> Shape:
        begin, end = self._rows(place, rank)
        return end - begin, *self._shapes[place][1:]

    def _exchanged(self, sent: list[list[Tensor]], shapes: list[list[Shape]]) -> list[list[Tensor]]:
        """What is sent to each process, and the shapes of what comes from each: that."""
        flat = torch.cat([value.reshape(-1) for values in sent for value in values])
        sizes = [[prod(shape) for shape in there] for there in shapes]
        into = flat.new_empty(sum(map(sum, sizes)))
        dist.all_to_all_single(
            into,
            flat,
            [sum(there) for there in sizes],
            [sum(value.numel() for value in values) for values in sent],
            group=self._group,
        )
        every = iter(torch.split(into, [size for there in sizes for size in there]))
        return [[next(every).view(shape) for shape in there] for there in shapes]
