"""Gradients of a sharded model: of nothing, of what is whole, their norm, and whether one overflowed."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.fsdp import FSDPModule

    from trainspec.training.parallel.fsdp.sharding import Sharded
    from trainspec.training.precision.precision import Precision


@contextmanager
def adding_nothing(sharded: Sharded) -> Iterator[None]:
    """What a backward pass inside gives is zero, whatever the loss is, while processes exchange it as ever."""
    with ExitStack() as stack:
        for value in [*_gathered(sharded.modules), *sharded.whole]:
            if value.requires_grad:
                hook: Callable[..., Any] = value.register_hook
                stack.callback(hook(torch.zeros_like).remove)
        yield


def forget(sharded: Sharded) -> None:
    """After a pass that broke off: torch's notes of it go, and so does what it has added up but not exchanged."""
    root: Any = sharded.model
    if root._get_fsdp_state()._is_root:
        root.reset_iter_state()
    for part in _parts(sharded.modules):
        part.unsharded_accumulated_grad = None
        if hasattr(part, "_unsharded_param"):
            part._unsharded_param.grad = None


def states_of(modules: Iterable[FSDPModule]) -> list[Any]:
    """torch's own record of every unit; modules that are sharded together have one."""
    return list(dict.fromkeys(module._get_fsdp_state() for module in modules))


def _parts(modules: Iterable[FSDPModule]) -> Iterator[Any]:
    """Of every parameter."""
    for state in states_of(modules):
        for group in state._fsdp_param_groups:
            yield from group.fsdp_params


def _gathered(modules: Iterable[FSDPModule]) -> Iterator[nn.Parameter]:
    """The parameters that forward passes use, which are other objects than those that the optimizer has."""
    return (part._unsharded_param for part in _parts(modules) if hasattr(part, "_unsharded_param"))


def clip(parameters: Iterable[Tensor], max_norm: float) -> Tensor:
    """Their global norm, the same number in every process; above zero, `max_norm` is what they are scaled down to."""
    gradients = [value.grad for value in parameters if value.grad is not None]
    norm = global_norm(gradients)
    if max_norm > 0 and gradients:
        scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
        for value in gradients:
            here = value.to_local() if isinstance(value, DTensor) else value
            here.mul_(scale.to(device=here.device, dtype=here.dtype))
    return norm


def global_norm(gradients: Iterable[Tensor]) -> Tensor:
    """The root of the sum of all squares: those of shards are added up over the processes that hold the other shards,
    those of replicas count once.
    """
    whole: list[Tensor] = []
    shards: dict[DeviceMesh, dict[tuple[int, ...], list[Tensor]]] = {}
    for value in gradients:
        if isinstance(value, DTensor):
            split = tuple(place for place, kind in enumerate(value.placements) if not kind.is_replicate())
            shards.setdefault(value.device_mesh, {}).setdefault(split, []).append(value.to_local())
        else:
            whole.append(value)
    every = [*whole, *(part for by_split in shards.values() for parts in by_split.values() for part in parts)]
    if not every:
        return torch.zeros(())
    dtype = torch.promote_types(torch.float32, max((value.dtype for value in every), key=lambda kind: kind.itemsize))
    total = _squares(whole)
    for mesh, by_split in shards.items():
        for split, parts in by_split.items():
            summed = _squares(parts).to(mesh.device_type)
            for dimension in split:
                if mesh.size(dimension) > 1:
                    dist.all_reduce(summed, group=mesh.get_group(dimension))
            total = total.to(summed.device) + summed
    return total.sqrt().to(dtype)


def _squares(values: list[Tensor]) -> Tensor:
    """In double precision, whose range the squares of other formats do not leave."""
    if not values:
        return torch.zeros((), dtype=torch.float64)
    norms = torch._foreach_norm(values)
    return torch.stack([norm.to(torch.float64) for norm in norms]).square().sum()


def unscale(precision: Precision, optimizer: torch.optim.Optimizer, whole: Iterable[nn.Parameter]) -> None:
    """Gradients get their true size. That one overflowed is then known in every process: torch asks the holders of
    other shards, and what is whole is the same everywhere.
    """
    scaler = precision.scaler
    apart = [] if scaler is None else [(value, value.grad) for value in whole if value.grad is not None]
    # One operation of torch's takes whole tensors or sharded ones, not both.
    for value, _ in apart:
        value.grad = None
    precision.unscale(optimizer)
    if scaler is None:
        return
    known: Any = scaler._per_optimizer_states[id(optimizer)]["found_inf_per_device"]
    for value, gradient in apart:
        value.grad = gradient
        found = known.setdefault(gradient.device, torch.zeros((), device=gradient.device))
        scale: Any = scaler._scale
        inverse = scale.double().reciprocal().float().to(gradient.device)
        torch._amp_foreach_non_finite_check_and_unscale_([gradient], found, inverse)
