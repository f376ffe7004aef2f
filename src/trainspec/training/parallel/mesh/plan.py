"""Which modules of a model are split over a tensor-parallel group, and how: the model's plan.

A plan is a mapping from names of modules to styles. In a name, `*` stands for anything between two dots; of two rules
for one module the later holds. A style is a name in styles.STYLES, one that transformers registers, or an object of
torch.distributed.tensor.parallel:

    model.tensor_parallel_plan = {
        "blocks.*.up": "colwise",
        "blocks.*.down": "rowwise",
        "norm": "sequence",
        "head": ColwiseParallel(output_layouts=Replicate()),
    }

or a method of that name which returns it. A model of transformers brings its own, `tp_plan`, which is taken where
there is no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from torch.distributed.tensor.parallel.style import ParallelStyle

from trainspec.training.model.names import bare
from trainspec.training.parallel.mesh.styles import STYLES, WHOLE_STYLE, Named, Style

if TYPE_CHECKING:
    from torch import nn

OWN_PLAN = "tensor_parallel_plan"


@dataclass
class Plan:
    """Rules as they were said, and what of the model they mean: `modules` and `parameters` by their names."""

    rules: Mapping[str, Any]
    # The author of the model, not of the run, wrote it: for all variants of a model, some of which lack modules.
    of_transformers: bool
    modules: dict[str, Named | ParallelStyle | Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    idle: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def without(self, paths: Iterable[str]) -> Plan:
        """Itself, with nothing said of these modules and what is inside of them."""
        for path in paths:
            for named in (self.modules, self.parameters):
                for name in [name for name in named if f"{name}.".startswith(f"{path}.")]:
                    del named[name]
        return self


def plan_of(model: nn.Module) -> Plan | None:
    """The plan of a model; None where it has none. Nothing is changed."""
    model = bare(model)
    own = getattr(model, OWN_PLAN, None)
    if own is not None:
        return _read(Plan(cast("Mapping[str, Any]", own() if callable(own) else own), of_transformers=False), model)
    rules = getattr(model, "tp_plan", None) or getattr(model, "_tp_plan", None)
    return _read(Plan(rules, of_transformers=True), model) if isinstance(rules, Mapping) and rules else None


def _read(plan: Plan, model: nn.Module) -> Plan:
    modules = dict(model.named_modules())
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for pattern, said in plan.rules.items():
        style = _style(said, of_transformers=plan.of_transformers)
        if style is None:
            plan.unknown.append(pattern)
            continue
        matches = matcher(pattern)
        found = [name for name in modules if name and matches(name)]
        of_parameters = [name for name in parameters if matches(name)]
        if not found and not of_parameters:
            plan.idle.append(pattern)
        if style == WHOLE_STYLE:
            continue
        plan.modules.update(dict.fromkeys(found, style))
        # A parameter that transformers names by itself, experts stacked in one, is none of a linear layer.
        alone = (registered_style(said) if of_parameters and plan.of_transformers else None) or style
        plan.parameters.update(dict.fromkeys(of_parameters, alone))
    return plan


def _style(said: Any, *, of_transformers: bool) -> Any:
    if isinstance(said, ParallelStyle) or said == WHOLE_STYLE:
        return said
    if said in STYLES:
        return STYLES[said]
    return registered_style(said) if of_transformers else None


def registered_style(name: Any) -> Any:
    """What transformers itself does under that name to a model of its own; None where it has no such name."""
    try:
        from transformers.distributed.parallel_utils import ALL_PARALLEL_STYLES
        from transformers.distributed.tensor_parallel import TensorParallelLayer
    except ImportError:
        return None
    found = ALL_PARALLEL_STYLES.get(name, None)
    return found if isinstance(found, TensorParallelLayer) else None


def matcher(pattern: str) -> Callable[[str], Any]:
    return re.compile(r"\.".join(re.escape(part).replace(r"\*", r"[^.]*") for part in pattern.split("."))).fullmatch


def own_parameters(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Those that belong to a module itself and not to one inside of it."""
    yield from ((name, value) for name, value in module._parameters.items() if value is not None)


@dataclass(frozen=True)
class Misfit:
    """A module that its style cannot split."""

    kind: str
    name: str
    text: str


def listed(found: Sequence[Misfit], most: int = 4) -> str:
    """For a message: each with its name, the first of many."""
    shown = [f"{entry.name or 'the model'} {entry.text}" for entry in found[:most]]
    return "; ".join(shown) + (f"; and {len(found) - most} more" if len(found) > most else "")


def misfits(plan: Plan, model: nn.Module, size: int) -> Iterator[Misfit]:
    """What of a plan cannot be done with `size` processes: modules of a wrong type, and uneven parts."""
    model = bare(model)
    modules = dict(model.named_modules())
    for name, style in plan.modules.items():
        module = modules[name]
        if isinstance(style, Style) and style.typed is not None and not isinstance(module, style.typed):
            yield Misfit("type", name, f"is a {type(module).__name__}, and that style splits {style.typed.__name__}")
            continue
        uneven = style.uneven(module, size) if isinstance(style, Style) else None
        if uneven is not None:
            yield Misfit("width", name, f"has {uneven[0]} {uneven[1]}")
    yield from _uneven_heads(plan, modules, size)
    yield from _split_ties(plan, model)


# What modules of attention and configurations of transformers call the number of their heads.
HEADS = ("num_heads", "n_heads", "n_head", "heads", "num_attention_heads", "num_key_value_heads", "n_kv_heads")


def _uneven_heads(plan: Plan, modules: dict[str, nn.Module], size: int) -> Iterator[Misfit]:
    """A head is not cut in two, also where the width could be."""
    opening = [name for name, style in plan.modules.items() if isinstance(style, Style) and style.opens]
    for path in dict.fromkeys(name.rpartition(".")[0] for name in opening):
        parent = modules[path]
        places: list[Any] = [parent]
        if hasattr(parent, "head_dim") or "attention" in type(parent).__name__.lower():
            places.append(getattr(parent, "config", None))
        for name, count in ((name, getattr(place, name, None)) for place in places for name in HEADS):
            if isinstance(count, int) and count % size:
                yield Misfit("width", path, f"has {name} {count}")


def _split_ties(plan: Plan, model: nn.Module) -> Iterator[Misfit]:
    """A parameter with two names, of which a plan splits one, or each in another way."""
    ways: dict[int, dict[str, Any]] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        for name, value in own_parameters(module):
            style = plan.modules.get(path)
            way = style.placement_of(name) if isinstance(style, Style) else None
            ways.setdefault(id(value), {})[f"{path}.{name}"] = way
    for names in ways.values():
        if len(set(names.values())) > 1:
            yield Misfit("tie", next(iter(names)), f"is tied to {', '.join(list(names)[1:])}")
