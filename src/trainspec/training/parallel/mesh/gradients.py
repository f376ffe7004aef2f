"""Gradients of a model on a mesh: parts of some parameters, the whole of others, side by side."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.amp.grad_scaler import OptState
from torch.distributed.tensor import DTensor

from trainspec.training.parallel.flat import added_up
from trainspec.training.parallel.fsdp.pieces import local_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch.distributed.device_mesh import DeviceMesh

    from trainspec.training.parallel.processes import Processes
    from trainspec.training.precision.precision import Precision


def settle(parameters: Iterable[Tensor]) -> None:
    """Sum up what is known as summands only: a parameter that is whole, of a module that sees a part of the sequence,
    has such a gradient. After this each is laid out as its parameter.
    """
    for value in parameters:
        grad = value.grad
        if isinstance(value, DTensor) and isinstance(grad, DTensor) and grad.placements != value.placements:
            value.grad = grad.redistribute(placements=value.placements)


def add_up(parameters: Iterable[Tensor], mesh: DeviceMesh) -> None:
    """In place: over processes that hold the same part of each parameter and read different rows."""
    parameters = list(parameters)
    parts = [nn.Parameter(local_of(value.detach()), requires_grad=value.requires_grad) for value in parameters]
    for part, value in zip(parts, parameters, strict=True):
        part.grad = None if value.grad is None else local_of(value.grad)
    added_up(parts, cast("Processes", _Members(mesh)))
    for part, value in zip(parts, parameters, strict=True):
        if value.grad is None and part.grad is not None:
            value.grad = _like(part.grad, value)


class _Members:
    """Those of a part of the mesh, as far as gradients speak to each other."""

    def __init__(self, mesh: DeviceMesh) -> None:
        self._mesh = mesh

    def sum(self, value: Tensor) -> Tensor:
        return self._reduced(value, dist.ReduceOp.SUM)

    def max(self, values: Tensor) -> Tensor:
        # What says which gradients there are lies on the CPU, where the group of a device may not reach.
        return self._reduced(values.to(self._mesh.device_type), dist.ReduceOp.MAX)

    def _reduced(self, value: Tensor, operation: Any) -> Tensor:
        found = value.detach().clone()
        dist.all_reduce(found, operation, group=self._mesh.get_group())
        return found


def _like(grad: Tensor, value: Tensor) -> Tensor:
    if not isinstance(value, DTensor):
        return grad
    return DTensor.from_local(
        grad, value.device_mesh, value.placements, run_check=False, shape=value.shape, stride=value.stride()
    )


def unscale(precision: Precision, optimizer: torch.optim.Optimizer, processes: Processes) -> None:
    """Gradients get their true size; where one overflowed, in whichever part, every process skips the update.

    torch's scaler takes whole gradients or parts of one mesh, not both at once.
    """
    scaler = precision.scaler
    if scaler is None:
        return
    by_kind: dict[tuple[torch.device, torch.dtype], list[Tensor]] = defaultdict(list)
    for group in optimizer.param_groups:
        for value in group["params"]:
            if value.grad is not None:
                here = local_of(value.grad)
                by_kind[here.device, here.dtype].append(here)
    scale = cast("Tensor", scaler._scale)
    inverse = scale.double().reciprocal().float()
    overflowed = torch.zeros(1, dtype=torch.float32, device=scale.device)
    for (device, _), gradients in by_kind.items():
        found = torch.zeros(1, dtype=torch.float32, device=device)
        torch._amp_foreach_non_finite_check_and_unscale_(gradients, found, inverse.to(device))
        overflowed = torch.maximum(overflowed, found.to(overflowed.device))
    known: Any = scaler._per_optimizer_states[id(optimizer)]
    known["found_inf_per_device"] = {scale.device: processes.max(overflowed)}
    known["stage"] = OptState.UNSCALED


def without_kernels(optimizer: torch.optim.Optimizer) -> None:
    """An operation on many tensors at once takes those of one kind only: all whole, or all parts of one mesh; and not
    every one is there for parts.
    """
    is_torchs = type(optimizer).__module__.startswith("torch.optim.")
    for group in optimizer.param_groups:
        kinds = {value.device_mesh if isinstance(value, DTensor) else None for value in group["params"]}
        if kinds == {None}:
            continue
        if group.get("fused"):
            group["fused"] = False
        if "foreach" in group:
            group["foreach"] = is_torchs and len(kinds) == 1
        # It would be handed the scale and a flag that are no parts of a mesh.
        optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
