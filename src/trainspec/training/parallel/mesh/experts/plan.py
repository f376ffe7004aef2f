"""Which modules of a model are experts: a mapping of names (see mesh/plan.py), with one style.

    model.expert_parallel_plan = {"blocks.*.experts": "experts"}

names either a module whose parameters are stacked by expert (stacked.py), or an nn.ModuleList (or nn.ModuleDict) of
experts, one module each (lists.py). A model of transformers brings its own plan, `ep_plan`, for stacked ones.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, cast

from torch import nn
from torch.distributed.tensor import DTensor

from trainspec.training.model.names import bare
from trainspec.training.parallel.mesh.experts.lists import block_of, is_list
from trainspec.training.parallel.mesh.plan import Misfit, matcher, own_parameters

OWN_PLAN = "expert_parallel_plan"
EXPERTS = "experts"
# What transformers says of a module with stacked experts, and of its parameters.
_OF_TRANSFORMERS = {"ep_dispatch_experts": True, "grouped_gemm": False}
COUNT = "num_experts"


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

    def blocks(self, model: nn.Module) -> list[str]:
        """Modules that stay as they are where layers are split: experts, and what is around a list of them."""
        named = ((name, bare(model).get_submodule(name)) for name in self.modules)
        return [block_of(name, module) if is_list(module) else name for name, module in named]


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
        if is_list(module):
            yield from _misfits_of_list(name, module, bare(model), size)
            continue
        if any(True for child in module.children() if next(child.parameters(), None) is not None):
            yield Misfit(
                "type", name, "has parameters in modules inside of it: name the ModuleList of experts, or stack them"
            )
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
        if getattr(module, COUNT, count) != count:
            yield Misfit("type", name, f"says {COUNT} {getattr(module, COUNT)}, and has parameters of {count}")
        elif len(inspect.signature(module.forward).parameters) not in (2, 3):
            yield Misfit("call", name, "takes neither (x, weights) nor (x, index, weights)")
        elif count % size:
            yield Misfit("width", name, f"has {count} experts")


def _misfits_of_list(name: str, module: nn.Module, model: nn.Module, size: int) -> Iterator[Misfit]:
    experts, kind = list(module.children()), type(module).__name__
    inside = {id(value) for value in module.parameters()}
    block = block_of(name, module)
    if not block:
        yield Misfit("type", name, f"is a {kind} that the model itself goes through: it must be in a module of its own")
    elif not all(next(expert.parameters(), None) is not None for expert in experts) or not experts:
        yield Misfit("type", name, f"is a {kind} of {len(experts)} modules, of which some have no parameters")
    elif len(inside) != sum(len(list(expert.parameters())) for expert in experts) or any(
        id(value) in inside
        for path, value in model.named_parameters(remove_duplicate=False)
        if not path.startswith(f"{name}.")
    ):
        yield Misfit("tie", name, "has parameters that belong to several experts, or to other modules too")
    elif len(experts) % size:
        yield Misfit("width", name, f"has {len(experts)} experts")
