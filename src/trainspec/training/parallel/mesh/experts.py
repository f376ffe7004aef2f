"""Experts shared out over an expert-parallel group, whose processes have the same tokens.

Parameters are stacked: entry number e of their first dimension belongs to expert e. Each process keeps 1 / size of the
experts, computes what these make of the tokens that are routed to them, and the group adds it up: one sum of the output
in the forward pass, and one of the gradients of tokens and routing weights in the backward pass. That is how a pair of
split linear layers is computed (Shoeybi et al. 2019, Megatron-LM, section 3), an expert being a block of features. The
router is whole everywhere.

A model says which modules these are, by a mapping of names (plan.py), and they take one of

    experts(x, weights)           weights of shape (..., experts): this process's columns are passed on
    experts(x, index, weights)    index and weights of shape (..., k), as in transformers: an index counts the experts
                                  that are here, and is `num_experts` for those that are not, with weight zero

    model.expert_parallel_plan = {"blocks.*.experts": "experts"}

The attribute `num_experts`, where there is one, is set to the number that is here. A model of transformers brings its
own plan, `ep_plan`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from trainspec.training.model.names import bare
from trainspec.training.parallel.mesh.plan import Misfit, matcher, own_parameters
from trainspec.training.parallel.mesh.randomness import OwnStreams
from trainspec.training.parallel.mesh.styles import SummedBackward

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

OWN_PLAN = "expert_parallel_plan"
EXPERTS = "experts"
# What transformers says of a module with stacked experts, and of its parameters.
_OF_TRANSFORMERS = {"ep_dispatch_experts": True, "grouped_gemm": False}
_COUNT = "num_experts"


class ExpertPlan:
    """`modules` by their names, rules that are `idle` as they match nothing, and those that are `unknown`."""

    def __init__(self, rules: Mapping[str, Any], model: nn.Module, *, of_transformers: bool) -> None:
        self.rules, self.of_transformers = rules, of_transformers
        self.modules: list[str] = []
        self.idle: list[str] = []
        self.unknown: list[str] = []
        there = [name for name, _ in model.named_modules() if name]
        parameters = [name for name, _ in model.named_parameters(remove_duplicate=False)]
        named = _OF_TRANSFORMERS if of_transformers else {EXPERTS: True}
        for pattern, style in rules.items():
            if style not in named:
                self.unknown.append(pattern)
                continue
            matches = matcher(pattern)
            found = [name for name in (there if named[style] else parameters) if matches(name)]
            if not found:
                self.idle.append(pattern)
            elif named[style]:
                self.modules += [name for name in found if name not in self.modules]


def expert_plan_of(model: nn.Module) -> ExpertPlan | None:
    """The plan of a model; None where it has none. Nothing is changed."""
    model = bare(model)
    own = getattr(model, OWN_PLAN, None)
    if own is not None:
        said = cast("Mapping[str, Any]", own() if callable(own) else own)
        return ExpertPlan(said, model, of_transformers=False)
    rules = getattr(model, "ep_plan", None)
    return ExpertPlan(rules, model, of_transformers=True) if isinstance(rules, Mapping) and rules else None


def misfits_of_experts(plan: ExpertPlan, model: nn.Module, size: int) -> Iterator[Misfit]:
    """What of a plan cannot be shared out over `size` processes."""
    modules = dict(bare(model).named_modules())
    for name in plan.modules:
        module = modules[name]
        if isinstance(module, nn.ModuleList | nn.ModuleDict):
            yield Misfit("type", name, f"is a {type(module).__name__}: its experts' parameters must be stacked")
            continue
        if any(True for child in module.children() if next(child.parameters(), None) is not None):
            yield Misfit("type", name, "has parameters in modules inside of it: they must be stacked, and its own")
            continue
        if any(isinstance(value, DTensor) for _, value in own_parameters(module)):
            # Shared out before: an evaluation is judged, too.
            continue
        counts = {own: value.shape[0] if value.dim() else 0 for own, value in own_parameters(module)}
        if len(set(counts.values())) != 1:
            said = ", ".join(f"{own} of {count}" for own, count in counts.items()) or "none"
            yield Misfit("type", name, f"must have parameters stacked by expert, and has {said}")
            continue
        count = next(iter(counts.values()))
        if getattr(module, _COUNT, count) != count:
            yield Misfit("type", name, f"says {_COUNT} {getattr(module, _COUNT)}, and has parameters of {count}")
        elif len(inspect.signature(module.forward).parameters) not in (2, 3):
            yield Misfit("call", name, "takes neither (x, weights) nor (x, index, weights)")
        elif count % size:
            yield Misfit("width", name, f"has {count} experts")


def share_experts(model: nn.Module, plan: ExpertPlan, mesh: DeviceMesh) -> None:
    """In place, over a mesh of one dimension. Parameters must be the same in every process."""
    model = bare(model)
    streams = OwnStreams(mesh.get_local_rank(), mesh.device_type)
    for number, name in enumerate(plan.modules):
        module = model.get_submodule(name)
        for own_name, whole in list(own_parameters(module)):
            part = distribute_tensor(whole.detach(), mesh, [Shard(0)], src_data_rank=None)
            module.register_parameter(own_name, nn.Parameter(part, requires_grad=whole.requires_grad))
        # Each process drops among other tokens.
        streams.during(module, number)
        _hook(module, mesh)


def _hook(module: Any, mesh: DeviceMesh) -> None:
    parameters = list(own_parameters(module))
    here = parameters[0][1].shape[0] // mesh.size()
    first, group = here * mesh.get_local_rank(), mesh.get_group()
    taken, held = inspect.signature(module.forward), dict[str, Any]()
    inputs: list[Tensor] = []
    if hasattr(module, _COUNT):
        module.num_experts = here
    # Kernels of transformers leave out what is not here where they are told that something is not.
    module._is_expert_parallel = True

    def before(module: nn.Module, args: Any, kwargs: Any) -> Any:
        for name, _ in parameters:
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
