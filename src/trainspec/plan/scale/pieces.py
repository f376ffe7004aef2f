"""Parameters in parts: which rank holds how much of each, and what is gathered together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

Shapes = Mapping[str, Sequence[int]]
Units = Sequence[Sequence[str]]

# DeepSpeed keeps parameters of so many elements whole, unless stage3_param_persistence_threshold says otherwise.
PERSISTS = 100_000


def rows_of(rows: int, ranks: int, rank: int) -> int:
    """Rows of a tensor that `rank` holds: the first dimension in chunks of ceil(rows / ranks), as torch.chunk cuts it,
    so that the last ranks have less, or nothing.
    """
    chunk = -(-rows // ranks)
    return min(rows, chunk * (rank + 1)) - min(rows, chunk * rank)


def local_shape(shape: Sequence[int], ranks: int, rank: int) -> tuple[int, ...]:
    """The shape of the part that FSDP2 gives to `rank`; a number without dimensions is whole everywhere."""
    return (rows_of(shape[0], ranks, rank), *shape[1:]) if shape else ()


def padded(shape: Sequence[int], ranks: int) -> int:
    """Elements that each rank sends of a tensor: as many as the first has, since a collective takes equal parts."""
    return -(-shape[0] // ranks) * prod(shape[1:]) if shape else 1


def units_with_rest(shapes: Shapes, units: Units) -> list[tuple[str, ...]]:
    """The units, and last what is in none of them, which is the model's own."""
    inside = {name for unit in units for name in unit}
    rest = tuple(name for name in shapes if name not in inside)
    return [*(tuple(unit) for unit in units), *([rest] if rest else [])]


def layers_of(shapes: Shapes) -> list[tuple[str, ...]]:
    """The units of auto_wrap where nothing else is known: parameters with one number in their names, such as layers.3.,
    of which there are several alike.
    """
    found: dict[str, list[str]] = {}
    for name in shapes:
        parts = name.split(".")
        number = next((place for place, part in enumerate(parts) if part.isdecimal()), None)
        if number is not None:
            found.setdefault(".".join(parts[: number + 1]), []).append(name)
    kinds: dict[tuple[object, ...], list[tuple[str, ...]]] = {}
    for prefix, names in found.items():
        kind = (prefix.rpartition(".")[0], *((name.removeprefix(prefix), *shapes[name]) for name in names))
        kinds.setdefault(kind, []).append(tuple(names))
    return [unit for alike in kinds.values() if len(alike) > 1 for unit in alike]
