"""The optimizer's state of a checkpoint put together, however many processes dealt it out among them.

Nothing is read before it is asked for: each tensor of the whole is made of its parts alone, which lie in files that
were compared with their checksums and are mapped into memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trainspec.text.bounded_json import parse_json
from trainspec.text.redaction import printable
from trainspec.training.checkpoint.contents import OPTIMIZER, OPTIMIZER_REST, optimizer_of, unpacked_optimizer
from trainspec.training.checkpoint.manifest import FULL_LAYOUT, CheckpointError
from trainspec.training.checkpoint.ranks.names import pieces_file
from trainspec.training.checkpoint.states.files import opened_tensors_and_rest
from trainspec.training.checkpoint.states.fitting import structure_problem
from trainspec.training.errors import TrainingError
from trainspec.training.parallel.contact.arriving import Later, mapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.training.checkpoint.load import Checkpoint

# What stands for rows or columns of a parameter, by the names that optimizers have for it: no part of it is that of a
# part, even where it has a part's shape.
FACTORS = frozenset({"row_var", "col_var", "exp_avg_sq_row", "exp_avg_sq_col"})
_MOST_DIMENSIONS = 64


class UncutError(TrainingError, ValueError):
    """The state of an optimizer that cannot be put together, or cut anew; the message says what of it, and why."""


@dataclass(frozen=True)
class Cut:
    """Where a part lies in a whole parameter; in a `flat` one, offset and shape are of its elements in a row."""

    shape: tuple[int, ...]
    offset: tuple[int, ...]
    local_shape: tuple[int, ...]
    flat: bool = False

    @property
    def is_whole(self) -> bool:
        return not self.flat and self.local_shape == self.shape

    @property
    def numel(self) -> int:
        return torch.Size(self.local_shape).numel()

    def of(self, whole: Tensor) -> Tensor:
        """The part of a whole, as a view."""
        part = whole.view(-1) if self.flat else whole
        for dimension, (start, length) in enumerate(zip(self.offset, self.local_shape, strict=True)):
            part = part.narrow(dimension, start, length)
        return part

    def overlaps(self, other: Cut) -> bool:
        return all(
            start < there + length_there and there < start + length
            for start, length, there, length_there in zip(
                self.offset, self.local_shape, other.offset, other.local_shape, strict=True
            )
        )


def cut_of(described: Mapping[str, Any]) -> Cut:
    """From a description of a piece. Raises ValueError for what is no part of a parameter."""
    flat = described.get("flat", False)
    shape, offset, local = (_sizes(described[name]) for name in ("shape", "offset", "local_shape"))
    whole = (torch.Size(shape).numel(),) if flat else shape
    if not isinstance(flat, bool) or not len(whole) == len(offset) == len(local):
        raise ValueError("it has other dimensions than its parameter")
    cut = Cut(shape, offset, local, flat)
    if cut.numel and any(start + length > size for start, length, size in zip(offset, local, whole, strict=True)):
        raise ValueError("it reaches beyond its parameter")
    return cut


def _sizes(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > _MOST_DIMENSIONS:
        raise ValueError("its sizes are no list")
    if not all(type(size) is int and 0 <= size < 2**53 for size in value):
        raise ValueError("its sizes are no counts")
    return tuple(value)


def consolidated(checkpoint: Checkpoint) -> Iterator[tuple[str, Tensor]]:
    """The tensors of the optimizer's state one by one, named as in the file of one process that holds all of it.

    The weights of the model are whole in every checkpoint. Raises CheckpointError, UncutError.
    """
    with whole_optimizer(checkpoint) as nest:
        found: list[tuple[str, Any]] = []
        mapped(nest, lambda path, value: found.append((".".join(map(str, path)), value)))
        for name, value in found:
            yield name, value.here() if isinstance(value, Later) else value


@contextmanager
def whole_optimizer(checkpoint: Checkpoint) -> Iterator[Mapping[str, Any]]:
    """The state by names of parameters, with what is read later in the place of tensors; it can be read inside.

    Raises CheckpointError for a part that is missing or damaged, UncutError for parts that make up no whole.
    """
    with ExitStack() as stack:
        if checkpoint.manifest.layout["kind"] == FULL_LAYOUT["kind"]:
            yield _part(checkpoint, 0, stack)[0]
            return
        parts = [_part(checkpoint, rank, stack) for rank in range(checkpoint.manifest.world_size)]
        yield _joined(parts)


Part = tuple[Mapping[str, Any], Mapping[str, Cut]]


def _part(checkpoint: Checkpoint, rank: int, stack: ExitStack) -> Part:
    """What one process wrote, and where its pieces lie."""
    name, is_full = optimizer_of(checkpoint, rank), checkpoint.manifest.layout["kind"] == FULL_LAYOUT["kind"]
    rest = OPTIMIZER_REST if is_full else pieces_file(rank, checkpoint.manifest.world_size)
    if not checkpoint.has(name):
        where = " under save_on_each_node each node has those of its own processes" if name != OPTIMIZER else ""
        raise CheckpointError(checkpoint.url, f"it holds no {name};{where}" if where else f"it holds no {name}")
    if name.endswith(".pt"):
        state = unpacked_optimizer(checkpoint, rank)
        document = {} if is_full else _read(checkpoint, rest)
    else:
        state, document = stack.enter_context(opened_tensors_and_rest(checkpoint, name, rest))
    problem = structure_problem(state)
    if problem is None and ("param_groups" not in state or "state" not in state):
        problem = "it has no param_groups and state"
    if problem is None and not all(isinstance(entry, Mapping) for entry in state["state"].values()):
        problem = "the state of a parameter is no mapping"
    if problem is not None:
        raise CheckpointError(checkpoint.url, f"{name} is damaged: {problem}")
    pieces: dict[str, Cut] = {}
    for parameter, described in ({} if is_full else _pieces(checkpoint, rest, document)).items():
        try:
            pieces[parameter] = cut_of(described)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            told = f"{rest} is damaged: the piece of {printable(str(parameter))} is none ({error})"
            raise CheckpointError(checkpoint.url, told) from None
    return state, pieces


def _read(checkpoint: Checkpoint, name: str) -> Any:
    try:
        return parse_json(checkpoint.read(name), of_a_run=True)
    except ValueError as error:
        raise CheckpointError(checkpoint.url, f"{name} is damaged ({error})") from None


def _pieces(checkpoint: Checkpoint, name: str, document: Any) -> dict[str, Any]:
    pieces = document.get("pieces") if isinstance(document, dict) else None
    if not isinstance(pieces, dict):
        raise CheckpointError(checkpoint.url, f"{name} is damaged: it does not say where its pieces lie")
    return pieces


def _joined(parts: list[Part]) -> dict[str, Any]:
    state: dict[Any, Any] = {}
    for key in dict.fromkeys(key for nest, _ in parts for key in nest["state"]):
        holders = [(cuts.get(key), nest["state"][key]) for nest, cuts in parts if key in nest["state"]]
        holders = _with_elements(holders)
        names = dict.fromkeys(name for _, entry in holders for name in entry)
        state[key] = {
            name: _value(str(key), name, [(cut, entry[name]) for cut, entry in holders if name in entry])
            for name in names
        }
    return {**parts[0][0], "state": state}


def _with_elements(holders: list[tuple[Cut | None, Any]]) -> list[tuple[Cut | None, Any]]:
    """Whoever holds nothing of a parameter knows nothing of it, unless nobody holds anything."""
    return [holder for holder in holders if holder[0] is None or holder[0].numel] or holders[:1]


def _value(key: str, name: str, parts: list[tuple[Cut | None, Any]]) -> Any:
    cut, first = parts[0]
    if cut is None or cut.is_whole or not isinstance(first, Tensor | Later) or not first.shape:
        return first
    if torch.Size(first.shape).numel() == 1 and tuple(first.shape) != cut.local_shape:
        # A count of its updates, which all have alike.
        return first
    if name in FACTORS:
        raise UncutError(f"{name} of {key} stands for rows or columns of a part of it, and makes up none of the whole")
    held: dict[tuple[tuple[int, ...], tuple[int, ...]], tuple[Cut, Any]] = {}
    for there, value in parts:
        if there is None or not isinstance(value, Tensor | Later) or tuple(value.shape) != there.local_shape:
            shape = tuple(value.shape) if isinstance(value, Tensor | Later) else "no tensor"
            local = None if there is None else there.local_shape
            raise UncutError(f"{name} of {key} is {shape} where a process holds {local} of {cut.shape}")
        held.setdefault((there.offset, there.local_shape), (there, value))
    _refuse_gaps(key, cut, [there for there, _ in held.values()])
    return Later(cut.shape, first.dtype, partial(_put_together, cut.shape, first.dtype, list(held.values())))


def _refuse_gaps(key: str, one: Cut, cuts: list[Cut]) -> None:
    alike = all((cut.shape, cut.flat) == (one.shape, one.flat) for cut in cuts)
    fits = alike and sum(cut.numel for cut in cuts) == torch.Size(one.shape).numel()
    if not fits or _any_overlap(cuts):
        raise UncutError(f"the parts of {key} do not make up all of its {torch.Size(one.shape).numel():,} elements")


def _any_overlap(cuts: list[Cut]) -> bool:
    cuts = sorted(cuts, key=lambda cut: cut.offset)
    differing = [place for place in range(len(cuts[0].offset)) if len({cut.offset[place] for cut in cuts}) > 1]
    # Along one dimension, only neighbours can.
    pairs = pairwise(cuts) if len(differing) <= 1 else combinations(cuts, 2)
    return any(one.overlaps(other) for one, other in pairs)


def _put_together(shape: tuple[int, ...], dtype: torch.dtype, parts: list[tuple[Cut, Any]]) -> Tensor:
    whole = torch.empty(shape, dtype=dtype)
    for cut, value in parts:
        cut.of(whole).copy_(value.here() if isinstance(value, Later) else value)
    return whole
