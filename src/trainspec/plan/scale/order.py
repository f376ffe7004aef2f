"""Memory of the order of the rows, in every process."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

# Up to so many rows an epoch's order is a list of numbers; beyond, each place of it is computed when it is needed.
LISTED = 2**22
# A permutation of torch's, and the list of Python numbers that is made of it.
_IN_TENSOR, _IN_LIST = 8, 8 + 32
_COMPUTED_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class OrderMemory:
    """`kind` is listed or keyed; `bytes` at the most, in each process; `listed_bytes` what a list would take."""

    kind: str
    bytes: int
    listed_bytes: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def order_memory(rows: int) -> OrderMemory:
    """Of an epoch of so many rows, by the number of rows alone: how many processes share them changes nothing."""
    as_list = rows * (_IN_TENSOR + _IN_LIST)
    if rows <= LISTED:
        return OrderMemory("listed", as_list, as_list)
    # Two halves, a round's intermediate values, and the rows of one block.
    return OrderMemory("keyed", _COMPUTED_AT_ONCE * 8 * 6, as_list)
