"""What differs from process to process, in a document that one of them writes for all."""

from __future__ import annotations

from typing import Any

_EACH = "by_rank"


def of_all(values: list[Any]) -> Any:
    """One value for the values of all processes, in the order of ranks: the one that they have in common, or a list."""
    first = values[0]
    return first if all(value == first for value in values) else {_EACH: values}


def of_rank(value: Any, rank: int) -> Any:
    """What `of_all` had of one process. A process that was none of them gets the first one's."""
    if not isinstance(value, dict) or value.keys() != {_EACH} or not isinstance(value[_EACH], list):
        return value
    values = value[_EACH]
    return values[rank if rank < len(values) else 0]
