"""Into how many files processes write a model together."""

from __future__ import annotations

# What is worth a file of its own, in bytes.
SMALLEST_SHARD = 8 * 2**20


def shards_of(size: int, world_size: int) -> int:
    """The number of files with a model of `size` bytes, each written by another of `world_size` processes."""
    return max(1, min(world_size, size // SMALLEST_SHARD))
