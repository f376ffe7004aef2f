"""How one module is split over the processes of a tensor-parallel group: named ways, each a row of layouts.

A linear layer y = x W^T + b (W of shape out x in) can be split in two ways that need no exchange between them:

    colwise   each process has rows of W, makes a part of the features of y, and needs all of x
    rowwise   each process has columns of W, needs its part of the features of x, and makes a summand of y

so that colwise, then anything that acts on each feature (or each head) by itself, then rowwise, costs one sum of y in
the forward pass and one of the gradient of x in the backward pass (Shoeybi et al. 2019, Megatron-LM, section 3). The
sequence styles keep what lies between such pairs split by the sequence (Korthikanti et al. 2022, section 4.2.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.tensor.placement_types import Placement

_WHOLE, _FEATURES, _SEQUENCE = Replicate(), Shard(-1), Shard(1)


@dataclass
class Stream:
    """What goes from module to module of one model: a part of a sequence does not tell how long the whole is."""

    length: int | None = None

    def whole(self, part: Tensor, mesh: DeviceMesh) -> dict[str, Any]:
        """The shape of the sequences that this is a part of, cut as torch cuts; nothing where they were not seen: all
        parts are then taken to be equal.
        """
        length, size = self.length, mesh.size()
        if length is None:
            return {}
        most = -(-length // size)
        here = min(most, max(0, length - most * mesh.get_local_rank()))
        if part.shape[1] != here:
            return {}
        shape = torch.Size((part.shape[0], length, *part.shape[2:]))
        return {"shape": shape, "stride": torch.empty(shape, device="meta").stride()}


@dataclass(frozen=True)
class Style:
    """`weight` and `bias`: how these are split. Then the module's input as it comes, as it is computed with, and its
    output as it goes. A module that is not `typed` may be of any type, and every parameter of it counts as a weight.
    """

    typed: type[nn.Module] | None
    weight: Placement
    bias: Placement
    comes: Placement
    needs: Placement
    goes: Placement

    @property
    def opens(self) -> bool:
        """Whether what follows works on a part of the features."""
        return self.goes == _FEATURES

    @property
    def closes(self) -> bool:
        """Whether what came before did."""
        return self.comes == _FEATURES

    def placement_of(self, name: str) -> Placement:
        return self.bias if name == "bias" else self.weight

    def uneven(self, module: nn.Module, size: int) -> tuple[str, int] | None:
        """The width of a linear layer that would have to be a multiple of `size`, by its name; None where it is."""
        for name, needed in (("out_features", self.opens), ("in_features", self.closes)):
            width = getattr(module, name, None)
            if needed and isinstance(width, int) and width % size:
                return name, width
        return None

    def split(self, module: nn.Module, name: str, mesh: DeviceMesh) -> nn.Parameter:
        """The parameter as each process holds it: cut from a whole one, which must be the same everywhere."""
        whole = getattr(module, name)
        placement = self.placement_of(name)
        part = distribute_tensor(whole.detach(), mesh, [placement], src_data_rank=None)
        return nn.Parameter(part, requires_grad=whole.requires_grad)

    def hook(self, module: nn.Module, mesh: DeviceMesh, stream: Stream) -> None:
        """From then on its forward takes and gives plain tensors, of the layouts that it has."""

        def before(module: nn.Module, args: Any, kwargs: Any) -> Any:
            return _with_first(args, kwargs, lambda value: self._taken(value, mesh, stream))

        def after(module: nn.Module, args: Any, output: Any) -> Any:
            return self._given(output, mesh, stream)

        module.register_forward_pre_hook(before, with_kwargs=True)
        module.register_forward_hook(after)

    def _taken(self, value: Tensor, mesh: DeviceMesh, stream: Stream) -> Tensor:
        whole = stream.whole(value, mesh) if self.comes == _SEQUENCE and not isinstance(value, DTensor) else {}
        known = (
            value
            if isinstance(value, DTensor)
            else DTensor.from_local(value, mesh, [self.comes], run_check=False, **whole)
        )
        return known if known.placements == (self.needs,) else known.redistribute(placements=[self.needs])

    def _given(self, output: Tensor, mesh: DeviceMesh, stream: Stream) -> Tensor:
        if not isinstance(output, DTensor):
            output = DTensor.from_local(output, mesh, [self.needs], run_check=False)
        if self.goes == _SEQUENCE:
            stream.length = output.shape[1]
        goes = self.goes if self.goes != _FEATURES else Shard(output.ndim - 1)
        return (output if output.placements == (goes,) else output.redistribute(placements=[goes])).to_local()


class SummedGradients:
    """A module whose whole parameters act on a part of the features: each process has a summand of their gradients.

    Such is a norm of single heads between colwise and rowwise. It computes as it always does.
    """

    opens = closes = False

    def uneven(self, module: nn.Module, size: int) -> None:
        return None

    def hook(self, module: nn.Module, mesh: DeviceMesh, stream: Stream) -> None:
        group, held = mesh.get_group(), dict[str, Any]()
        summed: Callable[..., Any] = SummedBackward.apply

        def before(module: nn.Module, args: Any) -> None:
            for name, value in module._parameters.items():
                if value is not None and value.requires_grad and torch.is_grad_enabled():
                    held[name] = value
            for name, value in held.items():
                module._parameters[name] = summed(value, group)

        def after(module: nn.Module, args: Any, output: Any) -> None:
            module._parameters.update(held)
            held.clear()

        module.register_forward_pre_hook(before)
        module.register_forward_hook(after, always_call=True)


class SummedBackward(torch.autograd.Function):
    """The same tensor, whose gradient is the sum of those of all processes of a group."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, group: Any) -> Tensor:
        ctx.group = group
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        gradient = gradient.contiguous().clone()
        dist.all_reduce(gradient, group=ctx.group)
        return gradient, None


def _with_first(args: Any, kwargs: Any, change: Any) -> Any:
    """The arguments of a call, with its input changed, however that was passed."""
    if args:
        return (change(args[0]), *args[1:]), kwargs
    name = next(iter(kwargs))
    return args, {**kwargs, name: change(kwargs[name])}


Named = Style | SummedGradients

_COLWISE = (nn.Linear, Shard(0), Shard(0))
_ROWWISE = (nn.Linear, Shard(1), Replicate())
_ANY = (None, Replicate(), Replicate())

# The names of transformers for what it has; the rest are ours. `sequence` stands where all around it is whole.
STYLES: dict[str, Named] = {
    "colwise": Style(*_COLWISE, _WHOLE, _WHOLE, _FEATURES),
    "colwise_gather_output": Style(*_COLWISE, _WHOLE, _WHOLE, _WHOLE),
    "colwise_rep": Style(*_COLWISE, _WHOLE, _WHOLE, _WHOLE),
    "rowwise": Style(*_ROWWISE, _FEATURES, _FEATURES, _WHOLE),
    "rowwise_split_input": Style(*_ROWWISE, _WHOLE, _FEATURES, _WHOLE),
    "rowwise_rep": Style(*_ROWWISE, _WHOLE, _FEATURES, _WHOLE),
    "embedding_rowwise": Style(nn.Embedding, Shard(0), Replicate(), _WHOLE, _WHOLE, _WHOLE),
    "embedding_colwise": Style(nn.Embedding, Shard(1), Replicate(), _WHOLE, _WHOLE, _WHOLE),
    "sequence": Style(*_ANY, _WHOLE, _SEQUENCE, _WHOLE),
    "sequence_parallel": Style(*_ANY, _SEQUENCE, _SEQUENCE, _SEQUENCE),
    "sequence_colwise": Style(*_COLWISE, _SEQUENCE, _WHOLE, _FEATURES),
    "sequence_colwise_gather_output": Style(*_COLWISE, _SEQUENCE, _WHOLE, _WHOLE),
    "rowwise_sequence": Style(*_ROWWISE, _FEATURES, _FEATURES, _SEQUENCE),
    "embedding_rowwise_sequence": Style(nn.Embedding, Shard(0), Replicate(), _WHOLE, _WHOLE, _SEQUENCE),
    "replicated_with_grad_allreduce": SummedGradients(),
}
# Says that a module stays whole, which it does without being named.
WHOLE_STYLE = "replicate"
