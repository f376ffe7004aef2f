"""The weights of a sharded model dealt out whole: each process gets the parts of those that it saves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Shard

from trainspec.training.model.names import plain_parameters, plain_state
from trainspec.training.parallel.dealing import DealtWeights, a_few_at_once, dealt, elsewhere
from trainspec.training.parallel.fsdp.pieces import whole_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trainspec.training.parallel.processes import Processes

# What is under way at a time, in bytes, beyond what a process keeps.
_AT_ONCE = 64 * 2**20


def dealt_model(model: nn.Module, processes: Processes) -> DealtWeights:
    """Every process asks. Buffers, which are each process's own, are those of the main one."""
    state = plain_state(model)
    first = {id(value): name for name, value in plain_parameters(model)}
    known_as = {name: first[id(value)] for name, value in plain_parameters(model, remove_duplicate=False)}
    original = {name: one if (one := known_as.get(name, name)) in state else name for name in state}
    once = {name: state[name] for name in dict.fromkeys(original.values())}
    sizes = {name: value.numel() * value.element_size() for name, value in once.items() if isinstance(value, Tensor)}
    writers = dealt(sizes, processes.world_size, [name for name in once if name not in known_as])
    rank = processes.rank
    found = {
        name: value if not isinstance(value, Tensor) else value.cpu() if writers[name] == rank else elsewhere(value)
        for name, value in once.items()
        if not isinstance(value, DTensor)
    }
    parts = {name: value for name, value in once.items() if isinstance(value, DTensor)}
    found |= dict(_wholes(parts, sizes, writers, rank))
    return DealtWeights(
        {name: found[one] for name, one in original.items()}, {name: writers[one] for name, one in original.items()}
    )


def _wholes(
    parts: Mapping[str, DTensor], sizes: Mapping[str, int], writers: Mapping[str, int], rank: int
) -> Iterator[tuple[str, Tensor]]:
    direct = [name for name, value in parts.items() if _is_in_rows(value)]
    for names in a_few_at_once(direct, sizes, _AT_ONCE):
        yield from _sent({name: parts[name] for name in names}, writers, rank)
    for name, value in parts.items():
        if not _is_in_rows(value):
            whole = whole_of(value)
            yield name, whole.cpu() if writers[name] == rank else elsewhere(value)


def _is_in_rows(value: DTensor) -> bool:
    """Whether each process has some rows of it, one after the other, and a line for them to all others."""
    mesh, placements = value.device_mesh, value.placements
    return (
        mesh.ndim == 1
        and mesh.size() == dist.get_world_size()
        and type(placements[0]) is Shard
        and placements[0].dim == 0
        and value.to_local().device.type == mesh.device_type
    )


def _sent(parts: Mapping[str, DTensor], writers: Mapping[str, int], rank: int) -> list[tuple[str, Tensor]]:
    """Each process's rows go to the one that saves the tensor, and to no other."""
    found: list[tuple[str, Tensor]] = []
    operations: list[dist.P2POp] = []
    for name, value in parts.items():
        here, group = value.to_local().detach().contiguous(), value.device_mesh.get_group()
        if writers[name] != rank:
            if here.numel():
                operations.append(dist.P2POp(dist.isend, here, writers[name], group))
            found.append((name, elsewhere(value)))
            continue
        whole = torch.empty(value.shape, dtype=value.dtype, device=here.device)
        for number, there in enumerate(value.device_mesh.mesh.tolist()):
            size, start = Shard.local_shard_size_and_offset(len(whole), value.device_mesh.size(), number)
            rows = whole.narrow(0, start, size)
            if there == rank:
                rows.copy_(here)
            elif rows.numel():
                operations.append(dist.P2POp(dist.irecv, rows, there, group))
        found.append((name, whole))
    for work in dist.batch_isend_irecv(operations) if operations else ():
        work.wait()
    return [(name, value if value.is_meta else value.cpu()) for name, value in found]
