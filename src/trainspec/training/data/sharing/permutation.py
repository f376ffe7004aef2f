"""An order of very many rows that nobody has to keep: each place is computed from its number.

A Feistel network is a permutation of the numbers below a power of four, whatever its round function; numbers that come
out too large are put in again until one fits, which makes it one of any range (cycle walking). Both from J. Black and
P. Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002, sections 3 and 4. The round function is the finalizer
of SplitMix64: G. Steele, D. Lea and C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, figure 16.
"""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from trainspec.training.data.draws import mixed_seed

Numbers = NDArray[numpy.int64]

# Four make it indistinguishable from a random one for ciphers; a shuffle is cheap enough for more.
_ROUNDS = 6


class KeyedOrder:
    """A permutation of the numbers below `length` that follows from the seeds, in memory that no length changes."""

    def __init__(self, length: int, *seeds: int) -> None:
        self._length = length
        self._bits = max(1, (max(length - 1, 1).bit_length() + 1) // 2)
        self._mask = numpy.uint64((1 << self._bits) - 1)
        words = [mixed_seed(*seeds, number, half) for number in range(_ROUNDS) for half in (0, 1)]
        self._keys = [
            numpy.uint64(high << 32 | low & 0xFFFFFFFF) for high, low in zip(words[::2], words[1::2], strict=True)
        ]

    def __len__(self) -> int:
        return self._length

    def at(self, places: Any) -> Numbers:
        """The rows at these places, which are numbers below the length."""
        found = self._once(numpy.asarray(places, dtype=numpy.uint64))
        # Each time at least a quarter of the range fits.
        while (outside := numpy.flatnonzero(found >= self._length)).size:
            found[outside] = self._once(found[outside])
        return found.astype(numpy.int64)

    def _once(self, places: NDArray[numpy.uint64]) -> NDArray[numpy.uint64]:
        left, right = places >> numpy.uint64(self._bits), places & self._mask
        for key in self._keys:
            left, right = right, left ^ (_mixed(right ^ key) & self._mask)
        return (left << numpy.uint64(self._bits)) | right


def _mixed(values: NDArray[numpy.uint64]) -> NDArray[numpy.uint64]:
    with numpy.errstate(over="ignore"):
        values = (values ^ (values >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    mixed: NDArray[numpy.uint64] = values ^ (values >> numpy.uint64(31))
    return mixed
