"""A model's weights out of an engine, whole and in the format that they are stepped in, and back into it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch

from trainspec.training.model.names import as_named_here, bare, plain_name_of, whole_size
from trainspec.training.parallel.dealing import DealtWeights, dealt, elsewhere
from trainspec.training.parallel.deepspeed_engine.library import part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor, nn

    from trainspec.training.parallel.deepspeed_engine.pieces import Piece
    from trainspec.training.parallel.processes import Processes


def is_partitioned(model: nn.Module) -> bool:
    """Whether its parameters are slices, and whole only while they compute: stage 3, or a model made in zero.Init."""
    return any(hasattr(value, "ds_id") for value in model.parameters())


def gathered(parameters: list[Any], *, writes: bool = False) -> Any:
    """They are whole inside. What the main process writes into them is everybody's afterwards."""
    return part("runtime.zero.partition_parameters").GatheredParameters(parameters, modifier_rank=0 if writes else None)


@contextmanager
def staying_whole(model: nn.Module) -> Iterator[None]:
    """Inside, every process has all of a partitioned model: its passes gather nothing, and let go of nothing."""
    parameters: list[Any] = list(model.parameters())
    with gathered(parameters):
        persisting = [value.ds_persist for value in parameters]
        for value in parameters:
            value.ds_persist = True
        try:
            yield
        finally:
            for value, before in zip(parameters, persisting, strict=True):
                value.ds_persist = before


def whole_weights(
    model: nn.Module, pieces: list[Piece], processes: Processes, formats: Mapping[int, torch.dtype]
) -> dict[str, Tensor]:
    """By plain names, copies; a tied tensor stands under all its names. Empty but on the main process.

    `formats`: what a parameter, by its id, was before an engine put it into half precision. One that is not stepped has
    no master, so its value is the rounded one.
    """
    inner = bare(model)
    plain = plain_name_of(inner)
    found = dict(_wholes(inner, pieces, processes, formats, {}))
    if not processes.is_main:
        return {}
    named = {name: found[id(value)] for name, value in inner.named_parameters(remove_duplicate=False)}
    return {plain(name): named.get(name, value) for name, value in inner.state_dict().items()}


def dealt_weights(
    model: nn.Module, pieces: list[Piece], processes: Processes, formats: Mapping[int, torch.dtype]
) -> DealtWeights:
    """The same, each tensor in the process that saves it. Buffers are those of the main one."""
    inner = bare(model)
    plain = plain_name_of(inner)
    state = inner.state_dict()
    named = dict(inner.named_parameters(remove_duplicate=False))
    first = {id(value): name for name, value in inner.named_parameters()}
    sizes = {
        first[id(value)]: whole_size(value) * formats.get(id(value), value.dtype).itemsize
        for value in inner.parameters()
    }
    beside = {name: value for name, value in state.items() if name not in named}
    sizes |= {name: value.nbytes for name, value in beside.items() if isinstance(value, torch.Tensor)}
    writers = dealt(sizes, processes.world_size, beside)
    found = dict(_wholes(inner, pieces, processes, formats, {key: writers[name] for key, name in first.items()}))
    tensors = {name: found[id(named[name])] for name in state if name in named}
    for name, value in beside.items():
        is_elsewhere = isinstance(value, torch.Tensor) and not processes.is_main
        tensors[name] = elsewhere(value) if is_elsewhere else value
    who = {name: writers[first[id(named[name])] if name in named else name] for name in state}
    return DealtWeights({plain(name): tensors[name] for name in state}, {plain(name): who[name] for name in state})


def _wholes(
    model: nn.Module,
    pieces: list[Piece],
    processes: Processes,
    formats: Mapping[int, torch.dtype],
    writers: Mapping[int, int],
) -> Iterator[tuple[int, Tensor]]:
    """By the id of a parameter all of it: in the process that saves it, else in the main one. Elsewhere on meta."""
    masters = {id(piece.parameter): piece for piece in pieces if piece.has_master}
    for value in model.parameters():
        is_here = writers.get(id(value), 0) == processes.rank
        whole = _whole(value, masters.get(id(value)), processes, is_here=is_here)
        dtype = formats.get(id(value), whole.dtype)
        yield id(value), whole.to(dtype) if is_here else torch.empty(whole.shape, dtype=dtype, device="meta")


def _whole(value: nn.Parameter, master: Piece | None, processes: Processes, *, is_here: bool) -> Tensor:
    if master is not None:
        if master.is_whole:
            return master.flat.detach().cpu().clone() if is_here else master.flat.detach()
        return processes.sum(master.into_whole(master.of(master.flat.detach()))).cpu()
    with gathered([value]) if hasattr(value, "ds_id") else ExitStack():
        return value.detach().cpu().clone() if is_here else value.detach()


def load_weights(model: nn.Module, state: Mapping[str, Any]) -> None:
    """Whole weights into a model, whatever of it is here. The masters of an engine do not follow by themselves."""
    inner = bare(model)
    named = as_named_here(inner, state)
    if not is_partitioned(inner):
        inner.load_state_dict(named)
        return
    parameters = dict(inner.named_parameters(remove_duplicate=False))
    with torch.no_grad():
        for name, value in parameters.items():
            with gathered([value], writes=True):
                if torch.distributed.get_rank() == 0:
                    value.copy_(named[name])
        for name, buffer in inner.named_buffers():
            if name in named:
                buffer.copy_(named[name])


def masters_from_weights(engine: Any, pieces: list[Piece], model: nn.Module, state: Mapping[str, Any]) -> None:
    """After whole weights were loaded: the optimizer steps from them, as before half precision rounded them."""
    refresh = getattr(engine.optimizer, "refresh_fp32_params", None)
    if refresh is not None:
        refresh()
    inner = bare(model)
    named = as_named_here(inner, state)
    exact = {id(value): named.get(name) for name, value in inner.named_parameters()}
    with torch.no_grad():
        for piece in pieces:
            value = exact.get(id(piece.parameter))
            if piece.has_master and value is not None:
                piece.of(piece.flat).copy_(piece.of_whole(value))


def weights_from_masters(engine: Any) -> None:
    """After masters were loaded: the model computes with them."""
    optimizer = engine.optimizer
    if hasattr(optimizer, "fp32_partitioned_groups_flat"):
        for number, flat in enumerate(optimizer.fp32_partitioned_groups_flat):
            optimizer.fp16_partitioned_groups_flat[number].data.copy_(flat.data)
            optimizer._unflatten_partitioned_parameters(number)
        if optimizer.persistent_parameters:
            optimizer.persistent_parameters[0].all_gather(optimizer.persistent_parameters)
    elif hasattr(optimizer, "update_lp_params"):
        optimizer.update_lp_params()
    else:
        for parameters, masters in zip(optimizer.fp16_groups, optimizer.fp32_groups, strict=True):
            for parameter, master in zip(parameters, masters, strict=True):
                parameter.data.copy_(master.data)
