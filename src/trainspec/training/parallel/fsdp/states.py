"""The state of a sharded model and its optimizer: whole in the main process, or the part that each process holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from trainspec.training.model.names import as_named_here, bare, plain_parameters, plain_state
from trainspec.training.parallel.contact.arriving import Path, Take, arrived, handed_out, mapped
from trainspec.training.parallel.fsdp.pieces import PieceError, local_of, sharded_as, whole_of
from trainspec.training.parallel.named_state import NamedStateError, by_name, by_number
from trainspec.training.parallel.processes import ProcessesError

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from trainspec.training.parallel.processes import Processes
    from trainspec.training.parallel.strategy import Kind


# From here


def model_state(model: nn.Module, kind: Kind, processes: Processes) -> dict[str, Any]:
    """Under plain names. A tied weight is gathered once, and stands as one tensor under each of its names.

    Every process asks; of a whole model, only the main process keeps anything.
    """
    state = plain_state(model)
    if kind == "sharded":
        return {name: local_of(value) for name, value in state.items()}
    first = {id(value): name for name, value in plain_parameters(model)}
    known_as = {name: first[id(value)] for name, value in plain_parameters(model, remove_duplicate=False)}
    found: dict[str, Any] = {}
    for name, value in state.items():
        original = known_as.get(name, name)
        if original != name and original in state:
            if processes.is_main:
                found[name] = found[original]
            continue
        whole = whole_of(value) if isinstance(value, Tensor) else value
        if processes.is_main:
            found[name] = whole.cpu() if isinstance(whole, Tensor) else whole
    return found


def optimizer_state(model: nn.Module, optimizer: Optimizer, kind: Kind, processes: Processes) -> Mapping[str, Any]:
    """By name; the rest as of the model."""
    named = by_name(optimizer.state_dict(), optimizer, model)
    if kind == "sharded":
        return dict(mapped(named, lambda _, value: local_of(value)))
    keeps = processes.is_main

    def whole(_: Path, value: Tensor) -> Any:
        together = whole_of(value)
        return together.cpu() if keeps and isinstance(value, DTensor) else (together if keeps else None)

    state = mapped(named, whole)
    return dict(state) if keeps else {}


# And back


def load_model(model: nn.Module, saved: Mapping[str, Any], processes: Processes) -> None:
    """Of whole tensors, in all processes or in the main one alone, or of each one's own parts.

    Raises RuntimeError for other names, PieceError for other shapes, in every process.
    """
    inner = bare(model)
    own: Mapping[str, Any] = inner.state_dict()

    def take(path: Path, value: Tensor) -> Tensor:
        return sharded_as(value, own[path[0]], path[0]) if path[0] in own else value

    state = _received(as_named_here(model, saved) if saved else {}, bool(saved), processes, take)
    inner.load_state_dict(state)


def load_optimizer(model: nn.Module, optimizer: Optimizer, saved: Mapping[str, Any], processes: Processes) -> None:
    """The same. Raises NamedStateError for other parameters, in every process."""
    values = dict(enumerate(value for group in optimizer.param_groups for value in group["params"]))

    def take(path: Path, value: Tensor) -> Tensor:
        if len(path) < 3 or path[0] != "state" or path[1] not in values:
            return value
        return sharded_as(value, values[path[1]], f"{path[2]} of parameter {path[1]}")

    problem, numbered = "", dict[str, Any]()
    try:
        numbered = dict(by_number(saved, optimizer, model)) if saved else {}
    except NamedStateError as error:
        problem = str(error)
    _refuse([problem or None], processes, NamedStateError)
    optimizer.load_state_dict(dict(_received(numbered, bool(saved), processes, take)))


def _received(nest: dict[str, Any], has: bool, processes: Processes, take: Take) -> dict[str, Any]:
    there = processes.each(has)
    if not there[0]:
        raise ProcessesError(f"other processes load a state, and the main one has none: {there}")
    if not all(there):
        handed: dict[str, Any] = handed_out(nest, processes, take)
        return handed
    problems: list[str] = []

    def taken(path: Path, value: Tensor) -> Tensor:
        try:
            whole: Tensor = take(path, value)
            return whole
        except PieceError as error:
            problems.append(str(error))
            return value

    found: dict[str, Any] = arrived(nest, processes, taken)
    _refuse([problems[0] if problems else None], processes, PieceError)
    return found


def _refuse(problems: list[str | None], processes: Processes, kind: type[Exception]) -> None:
    """What one process finds, all raise: the others would wait for it."""
    told = {rank: text for rank, text in enumerate(processes.each(problems[0])) if text}
    if told:
        raise kind("; ".join(f"rank {rank}: {text}" for rank, text in told.items()))
