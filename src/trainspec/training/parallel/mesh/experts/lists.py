"""Experts that are modules of their own, in an nn.ModuleList (or nn.ModuleDict) that the model's forward goes through.

The block is the module whose forward calls them: that around the list, or the list itself where it has a forward of its
own. Each process computes 1 / size of the experts, and the others give zeros there. What the block returns must then be
a sum in which what experts return stands with factors of its own, beside anything else (shared experts, a residual):

    y = base + sum over e of factor[e] * expert[e](x[e])

An expert that is here returns `size` times what it makes, and y becomes the mean over the group: base is the same in
all processes, and each expert counts once. Whether a block is such a sum is found out in its first forward pass, with
numbers of our own in place of what experts return (checking.py).

At rest each process has 1 / size of the rows of every parameter, as a DTensor like any other. A pass through the block
begins with one exchange, after which each process has its own experts whole, and the backward pass ends with one that
takes their gradients back; there the gradients of all that the block read are added up as well.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Shard, distribute_tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from trainspec.training.parallel.mesh.experts.checking import Probe, check_sum
from trainspec.training.parallel.mesh.experts.exchange import Exchange, by_dtype
from trainspec.training.parallel.mesh.plan import own_parameters
from trainspec.training.parallel.processes import ProcessesError

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

    from trainspec.training.parallel.mesh.randomness import OwnStreams

Place = tuple[nn.Module, str]


def is_list(module: nn.Module) -> bool:
    return isinstance(module, nn.ModuleList | nn.ModuleDict)


def block_of(name: str, module: nn.Module) -> str:
    """The module whose forward calls the experts of a list; "" is the model, which is no block."""
    # torch's own containers have the forward that only says that there is none.
    return name if type(module).forward is not nn.Module.forward else name.rpartition(".")[0]


def share_list(
    block: nn.Module,
    experts: nn.Module,
    mesh: DeviceMesh,
    streams: OwnStreams,
    numbers: Iterator[int],
    *,
    sharded: bool,
) -> None:
    shared = _Shared(block, list(experts.children()), mesh, streams, sharded=sharded)
    for number, expert in enumerate(shared.experts):
        for module, name in _places(expert):
            whole = cast("nn.Parameter", module._parameters[name])
            if whole.dim():
                part = distribute_tensor(whole.detach(), mesh, [Shard(0)], src_data_rank=None)
                module.register_parameter(name, nn.Parameter(part, requires_grad=whole.requires_grad))
        _compute_by(expert, partial(shared.of_expert, number, next(numbers)))
    _compute_by(block, shared.of_block)


_BY = "_computed_by"


def _compute_by(module: nn.Module, function: Callable[..., Any]) -> None:
    """Its forward becomes `function(module, forward, args, kwargs)`, inside of whatever has been put around it: what
    recomputes it later must meet this again. Modules of one class stay so, and keep its name.
    """
    module.__dict__[_BY] = function
    kind = type(module)
    if kind not in _MADE:
        _MADE[kind] = _class_of(kind)
    module.__class__ = _MADE[kind]


# By the class that a module was of, so that modules of one class stay so.
_MADE: dict[type[nn.Module], type[nn.Module]] = {}


def _class_of(kind: type[nn.Module]) -> type[nn.Module]:
    @functools.wraps(kind.forward)
    def forward(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return self.__dict__[_BY](self, partial(kind.forward, self), args, kwargs)

    return type(kind.__name__, (kind,), {"forward": forward, "__module__": kind.__module__})


def _places(module: nn.Module) -> Iterator[Place]:
    for inner in module.modules():
        yield from ((inner, name) for name, _ in own_parameters(inner))


class _Shared:
    def __init__(
        self, block: nn.Module, experts: list[nn.Module], mesh: DeviceMesh, streams: OwnStreams, *, sharded: bool
    ) -> None:
        self.experts, self._name = experts, type(block).__name__
        self._streams, self._sharded = streams, sharded
        self._group, self._size = mesh.get_group(), mesh.size()
        each = len(experts) // self._size
        first = each * mesh.get_local_rank()
        self._here = range(first, first + each)
        # Rows of these are exchanged, with the expert that each belongs to; those without a dimension stay whole.
        self._parts: list[tuple[Place, int]] = []
        for number, expert in enumerate(experts):
            found = (place for place in _places(expert) if _value(place).dim())
            self._parts += [(place, number) for place in found]
        inner = {place for place, _ in self._parts}
        self._common = [place for place in _places(block) if place not in inner]
        owners = [number // each for _, number in self._parts]
        self._exchange = Exchange(self._group, owners, [tuple(_value(place).shape) for place, _ in self._parts])
        self._held: list[tuple[Place, Tensor]] = []
        self._called = set[int]()
        self._anchor: Tensor | None = None
        self._probe: Probe | None = None
        self._checked = False

    # Around the block

    def of_block(self, block: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if self._probe is not None:
            return forward(*args, **kwargs)
        if not self._checked:
            self._checked = check_sum(block, partial(forward, *args, **kwargs), self._probing)
        args, kwargs = self._enter(args, kwargs)
        anchor = self._anchor
        try:
            output = forward(*args, **kwargs)
        finally:
            self._leave()
        if block.training and torch.is_grad_enabled():
            self._streams.move_on()
        values, form = tree_flatten(output)
        tensors = [(place, value) for place, value in enumerate(values) if isinstance(value, Tensor)]
        chosen = [place for place, value in tensors if value.is_floating_point()]
        averaged: Any = _Mean.apply
        found = averaged(self._group, anchor, *(values[place] for place in chosen))
        for place, value in zip(chosen, found, strict=True):
            values[place] = value
        return tree_unflatten(values, form)

    def _enter(self, args: Any, kwargs: Any) -> Any:
        values, form = tree_flatten((args, kwargs))
        chosen = [place for place, value in enumerate(values) if _has_gradient(value)]
        given = [values[place] for place in chosen]
        common = [place for place in self._common if _has_gradient(_value(place))]
        rows = [_local(_value(place)) for place, _ in self._parts]
        self._called = called = set[int]()
        about = (self._exchange, self._group, len(given) + len(common), self._whose(called))
        entered: Any = _Enter.apply
        self._anchor, *found = entered(about, *given, *map(_value, common), *rows)
        for place, value in zip(chosen, found, strict=False):
            values[place] = value
        here = [place for place, number in self._parts if number in self._here]
        for slot, value in zip([*common, *here], found[len(given) :], strict=True):
            module, name = slot
            self._held.append((slot, _value(slot)))
            module._parameters[name] = value
        return tree_unflatten(values, form)

    def _leave(self) -> None:
        self._anchor = None
        for (module, name), value in reversed(self._held):
            module._parameters[name] = cast("nn.Parameter", value)
        self._held.clear()

    def _whose(self, called: set[int]) -> Any:
        """Whether a parameter has a gradient: one process has none for an expert to which no token went."""
        return lambda place: self._sharded or self._parts[place][1] in called

    def _probing(self, probe: Probe | None) -> None:
        self._probe = probe

    # Around an expert

    def of_expert(
        self, number: int, stream: int, expert: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        if self._probe is not None:
            return self._probe(number, args, kwargs)
        if self._anchor is None:
            raise ProcessesError(f"an expert is called outside of {self._name}, which has it")
        self._called.add(number)
        x = next(value for value in (*args, *kwargs.values()) if isinstance(value, Tensor))
        if number not in self._here:
            return torch.zeros_like(x, dtype=_made(x))
        draws = expert.training and torch.is_grad_enabled()
        with self._streams.aside(stream) if draws else nullcontext():
            made = forward(*args, **kwargs)
        if not isinstance(made, Tensor) or made.shape != x.shape:
            kind = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
            raise ProcessesError(
                f"an expert of {self._name} makes {kind} of {tuple(x.shape)}; experts of a list are shared out where "
                "each returns one tensor, shaped as what it takes"
            )
        return made * self._size


def _value(place: Place) -> Tensor:
    module, name = place
    return cast("Tensor", module._parameters[name])


def _local(value: Tensor) -> Tensor:
    return value.to_local() if isinstance(value, DTensor) else value


def _has_gradient(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad and torch.is_grad_enabled()


def _made(x: Tensor) -> torch.dtype:
    """The number format of what an expert makes of x."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


class _Enter(torch.autograd.Function):
    """What a block reads, as it is, and its own experts whole, which come out of rows in all processes.

    One node has all exchanges of the backward pass, so that they come in the same order everywhere, whichever experts
    tokens went to. The first output is of no use but to be read by _Mean: so the node is reached.
    """

    @staticmethod
    def forward(ctx: Any, about: tuple[Exchange, Any, int, Any], *values: Tensor) -> tuple[Tensor, ...]:
        exchange, _, read, _ = ctx.about = about
        ctx.needed = [value.requires_grad for value in values]
        ctx.together = by_dtype(values[read:])
        whole = exchange.gathered(values[read:], ctx.together)
        frozen = (value for place, value in zip(exchange.here, whole, strict=True) if not ctx.needed[read + place])
        ctx.mark_non_differentiable(*frozen)
        anchor = values[-1].new_zeros(())
        return anchor, *(value.view_as(value) for value in values[:read]), *whole

    @staticmethod
    def backward(ctx: Any, _: Tensor, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        exchange, group, read, has = ctx.about
        summed = []
        for value in gradients[:read]:
            summed.append(value.contiguous().clone())
            dist.all_reduce(summed[-1], group=group)
        parts = exchange.given_back(gradients[read:], ctx.together)
        found = [part if ctx.needed[read + place] and has(place) else None for place, part in enumerate(parts)]
        return None, *summed, *found


class _Mean(torch.autograd.Function):
    """Over all processes, each of which has the gradient of the mean."""

    @staticmethod
    def forward(ctx: Any, group: Any, anchor: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        ctx.size, ctx.anchor = dist.get_world_size(group), (anchor.dtype, anchor.device)
        found = []
        for value in values:
            found.append(value.contiguous().clone())
            dist.all_reduce(found[-1], group=group)
            found[-1] /= ctx.size
        return tuple(found)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        dtype, device = ctx.anchor
        return None, torch.zeros((), dtype=dtype, device=device), *(value / ctx.size for value in gradients)
