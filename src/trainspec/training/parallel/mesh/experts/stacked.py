"""Experts whose parameters are stacked: entry number e of their first dimension belongs to expert e.

Each process keeps 1 / size of the experts, computes what these make of the tokens that are routed to them, and the
group adds it up: one sum of the output in the forward pass, and one of the gradients of tokens and routing weights in
the backward pass. That is how a pair of split linear layers is computed (Shoeybi et al. 2019, Megatron-LM, section 3),
an expert being a block of features. The router is whole everywhere. Such a module takes one of

    experts(x, weights)           weights of shape (..., experts): this process's columns are passed on
    experts(x, index, weights)    index and weights of shape (..., k), as in transformers: an index counts the experts
                                  that are here, and is `num_experts` for those that are not, with weight zero

The attribute `num_experts`, where there is one, is set to the number that is here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from trainspec.training.parallel.mesh.experts.plan import COUNT
from trainspec.training.parallel.mesh.plan import own_parameters
from trainspec.training.parallel.mesh.styles import SummedBackward

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

    from trainspec.training.parallel.mesh.randomness import OwnStreams


def share_stacked(module: nn.Module, mesh: DeviceMesh, streams: OwnStreams, number: int) -> None:
    """In place, over a mesh of one dimension. Parameters must be the same in every process."""
    for own_name, whole in list(own_parameters(module)):
        part = distribute_tensor(whole.detach(), mesh, [Shard(0)], src_data_rank=None)
        module.register_parameter(own_name, nn.Parameter(part, requires_grad=whole.requires_grad))
    # Each process drops among other tokens.
    streams.during(module, number)
    _hook(module, mesh)


def _hook(module: Any, mesh: DeviceMesh) -> None:
    # By name: sharding puts others in their place, and these would stay in memory beside them.
    names = [name for name, _ in own_parameters(module)]
    here = module._parameters[names[0]].shape[0] // mesh.size()
    first, group = here * mesh.get_local_rank(), mesh.get_group()
    taken, held = inspect.signature(module.forward), dict[str, Any]()
    inputs: list[Tensor] = []
    if hasattr(module, COUNT):
        module.num_experts = here
    # Kernels of transformers leave out what is not here where they are told that something is not.
    module._is_expert_parallel = True

    def before(module: nn.Module, args: Any, kwargs: Any) -> Any:
        for name in names:
            value: Any = module._parameters[name]
            if isinstance(value, DTensor):
                held[name] = value
                module._parameters[name] = cast("nn.Parameter", value.to_local())
        given = list(taken.bind(*args, **kwargs).args)
        # Of what it makes of its inputs, each process knows a summand of their gradients.
        given[0], given[-1] = inputs[:] = [_summed_backward(value, group) for value in (given[0], given[-1])]
        if len(given) == 2:
            return (given[0], given[1].narrow(-1, first, here)), {}
        x, index, weights = given
        absent = (index < first) | (index >= first + here)
        return (x, torch.where(absent, here, index - first), weights.masked_fill(absent, 0.0)), {}

    def after(module: nn.Module, args: Any, output: Any) -> Any:
        used = [] if output is None or output.requires_grad else [module._parameters[name] for name in held]
        module._parameters.update(held)
        found = None if output is None else cast("Callable[..., Tensor]", _Sum.apply)(output, group, *inputs, *used)
        held.clear()
        inputs.clear()
        return found

    module.register_forward_pre_hook(before, with_kwargs=True)
    module.register_forward_hook(after, always_call=True)


def _summed_backward(value: Tensor, group: Any) -> Tensor:
    found: Tensor = cast("Callable[..., Tensor]", SummedBackward.apply)(value, group)
    return found


class _Sum(torch.autograd.Function):
    """Of all processes, each of which has the gradient of the sum.

    A process to whose experts no token goes has a backward pass through their inputs all the same, as the others wait
    for it there; and `parameters`, which are given by such a one, get gradients of zero.
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor, group: Any, x: Tensor, weights: Tensor, *parameters: Tensor) -> Tensor:
        ctx.shapes = [(each.shape, each.dtype) for each in parameters]
        value = value.contiguous().clone()
        dist.all_reduce(value, group=group)
        return value

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        nothing = [gradient.new_zeros((), dtype=dtype).expand(shape) for shape, dtype in ctx.shapes]
        return gradient, None, None, None, *nothing
