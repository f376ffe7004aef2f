"""The state of an engine's optimizer as plain tensors by the names of parameters, and back.

DeepSpeed's own checkpoints are pickles, which are read by running them; nothing of that is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trainspec.training.parallel.contact.arriving import Path, arrived
from trainspec.training.parallel.named_state import NamedStateError, by_name, by_number
from trainspec.training.parallel.strategy import MASTER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from trainspec.training.parallel.deepspeed_engine.optimizer import EngineOptimizer
    from trainspec.training.parallel.deepspeed_engine.pieces import Piece
    from trainspec.training.parallel.processes import Processes


def local_state(optimizer: EngineOptimizer, pieces: list[Piece], model: nn.Module) -> Mapping[str, Any]:
    """This process's part, by name; copies."""
    entries = {}
    for piece in pieces:
        if piece.numel:
            entries[id(piece.parameter)] = {key: _local(piece, value) for key, value in _kept(optimizer, piece).items()}
    return _named(optimizer, entries, model)


def whole_state(
    optimizer: EngineOptimizer, pieces: list[Piece], model: nn.Module, processes: Processes
) -> Mapping[str, Any]:
    """All of it, on every process while one parameter is under way, kept on the main one; empty on the others."""
    entries = {}
    for piece in pieces:
        kept = _kept(optimizer, piece)
        found = {
            key: processes.sum(piece.into_whole(piece.of(value))).cpu()
            if piece.lies_so(value) and not piece.is_whole
            else _copied(value)
            for key, value in kept.items()
        }
        if processes.is_main:
            entries[id(piece.parameter)] = found
    return _named(optimizer, entries, model) if processes.is_main else {}


def load(
    state: Mapping[str, Any],
    optimizer: EngineOptimizer,
    pieces: list[Piece],
    model: nn.Module,
    processes: Processes | None = None,
) -> bool:
    """Whole parameters, or pieces of this layout, from either function; whether there were masters among them.

    What the main process reads later arrives tensor by tensor, and is cut as it comes. Raises NamedStateError where the
    state is of other parameters, or of other pieces of them.
    """
    numbered = by_number(state, optimizer, model)
    numbers = {id(value): number for number, value in enumerate(_parameters(optimizer))}
    if processes is not None:
        numbered = _arrived(numbered, {numbers[id(piece.parameter)]: piece for piece in pieces}, processes)
    for group, saved in zip(optimizer.param_groups, numbered["param_groups"], strict=True):
        group.update({key: value for key, value in saved.items() if key != "params"})
    had_masters = False
    with torch.no_grad():
        for piece in pieces:
            entry = dict(numbered["state"].get(numbers[id(piece.parameter)], {}))
            if not piece.numel:
                continue
            master = entry.pop(MASTER, None)
            if master is not None:
                had_masters = True
                piece.of(piece.flat).copy_(_fitting(piece, master))
            # Views of slices may be held of tensors that are there: they are filled, not replaced.
            kept = optimizer.state[piece.flat] if entry else {}
            for key, value in entry.items():
                if isinstance(value, Tensor) and value.dim() and _is_of(piece, value):
                    if not piece.lies_so(kept.get(key)):
                        kept[key] = torch.zeros_like(piece.flat, dtype=value.dtype)
                    piece.of(kept[key]).copy_(_fitting(piece, value))
                else:
                    kept[key] = _copied(value)
    return had_masters


def _arrived(numbered: Mapping[str, Any], pieces: Mapping[Any, Piece], processes: Processes) -> Mapping[str, Any]:
    def cut(path: Path, value: Tensor) -> Tensor:
        piece = pieces.get(path[1]) if len(path) == 3 and path[0] == "state" else None
        if piece is None or piece.is_whole or not value.dim() or tuple(value.shape) != piece.shape:
            return value
        return piece.of_whole(value).clone()

    found: Mapping[str, Any] = arrived(numbered, processes, cut)
    return found


def _kept(optimizer: EngineOptimizer, piece: Piece) -> dict[str, Any]:
    kept = dict(optimizer.state.get(piece.flat, {}))
    return kept | {MASTER: piece.flat} if piece.has_master else kept


def _local(piece: Piece, value: Any) -> Any:
    return _copied(piece.of(value) if piece.lies_so(value) else value)


def _copied(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _is_of(piece: Piece, value: Tensor) -> bool:
    return value.numel() == piece.size or (value.dim() == 1 and value.numel() == piece.numel) or not piece.is_whole


def _fitting(piece: Piece, value: Tensor) -> Tensor:
    if tuple(value.shape) == piece.shape and (piece.is_whole or value.numel() == piece.size):
        return piece.of_whole(value).to(piece.flat.device)
    if tuple(value.shape) == (piece.numel,):
        return value.to(piece.flat.device)
    raise NamedStateError(
        f"the saved optimizer state holds {tuple(value.shape)} of a parameter of {piece.shape}, of which this process "
        f"steps {piece.numel} elements: it is of another number of processes, or of another ZeRO stage"
    )


def _parameters(optimizer: EngineOptimizer) -> list[Tensor]:
    return [value for group in optimizer.param_groups for value in group["params"]]


def _named(optimizer: EngineOptimizer, entries: Mapping[int, Any], model: nn.Module) -> Mapping[str, Any]:
    numbers = {id(value): number for number, value in enumerate(_parameters(optimizer))}
    groups = [
        {**group, "params": [numbers[id(value)] for value in group["params"]]} for group in optimizer.param_groups
    ]
    state = {"state": {numbers[key]: value for key, value in entries.items()}, "param_groups": groups}
    return by_name(state, optimizer, model)
