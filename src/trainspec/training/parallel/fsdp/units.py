"""Which modules of a model are gathered and freed together: the units, besides what is left to the model as a whole.

A parameter that several modules share must be gathered with all of them. Units that share one are joined into one; a
unit that shares one with what lies outside of all units, or around it, is none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from torch import nn

from trainspec.settings.values.choices import FSDPOption
from trainspec.training.model.activation_checkpointing import repeated_blocks
from trainspec.training.parallel.fsdp.ways import details_of

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments

# These read the weights of modules inside of them, which therefore never gather their own.
_WHOLE = (nn.MultiheadAttention,)
_WITHOUT_FORWARD = (nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True)
class Wrapping:
    """By class names, or by size: a module becomes a unit where so many parameters are in no unit inside of it."""

    classes: tuple[str, ...] = ()
    min_numel: int = 0
    # Whether the settings named the classes, and not the model.
    said: bool = False


def wrapping_of(args: TrainingArguments, model: nn.Module) -> Wrapping | None:
    """What auto_wrap wraps; None without it."""
    if FSDPOption.AUTO_WRAP not in (args.fsdp or []):
        return None
    details = details_of(args)
    if details.auto_wrap_policy == "SIZE_BASED_WRAP" or (
        details.auto_wrap_policy is None and details.min_num_params > 0
    ):
        return Wrapping(min_numel=max(details.min_num_params, 1))
    said = details.transformer_layer_cls_to_wrap
    if said:
        return Wrapping((said,) if isinstance(said, str) else tuple(said), said=True)
    told = tuple(dict.fromkeys(name for module in model.modules() for name in _not_to_be_split(module)))
    if told:
        return Wrapping(told)
    blocks = repeated_blocks(model)
    return Wrapping(tuple({type(block).__name__ for block in blocks}))


def _not_to_be_split(module: nn.Module) -> Iterable[str]:
    """The classes of layers that a model of transformers names."""
    names = getattr(module, "_no_split_modules", None)
    return [name for name in names if isinstance(name, str)] if isinstance(names, (list, tuple, set)) else []


def classes_of(model: nn.Module) -> set[str]:
    """The names of the classes that its modules are of, the model's own apart."""
    return {type(module).__name__ for module in model.modules() if module is not model}


def units_of(model: nn.Module, wrapping: Wrapping | None) -> list[list[nn.Module]]:
    """Lists of modules to shard together, those inside of others first. The model itself is in none."""
    if wrapping is None:
        return []
    found = _by_size(model, wrapping.min_numel) if wrapping.min_numel else _by_class(model, wrapping.classes)
    return _joined(model, found)


def _by_class(model: nn.Module, classes: Iterable[str]) -> list[nn.Module]:
    names = set(classes)
    return [module for module in model.modules() if module is not model and type(module).__name__ in names]


def _by_size(model: nn.Module, least: int) -> list[nn.Module]:
    units: list[nn.Module] = []
    seen: set[nn.Module] = set()

    def visit(module: nn.Module) -> set[nn.Parameter]:
        """The parameters below that are in no unit yet."""
        seen.add(module)
        if isinstance(module, _WHOLE):
            left = set(module.parameters())
        else:
            left = set(module.parameters(recurse=False))
            for child in module.children():
                if child not in seen:
                    left |= visit(child)
        wraps = module is not model and not isinstance(module, _WITHOUT_FORWARD)
        if wraps and sum(value.numel() for value in left) >= least:
            units.append(module)
            return set()
        return left

    visit(model)
    order = {module: place for place, module in enumerate(model.modules())}
    return sorted(units, key=order.__getitem__)


def _joined(model: nn.Module, units: list[nn.Module]) -> list[list[nn.Module]]:
    units = [unit for unit in units if next(unit.parameters(), None) is not None]
    while True:
        owners, around = _owners(model, units)
        shared = [sorted(found, key=units.index) for found in owners.values() if len(found) > 1 and model not in found]
        # A unit that shares a parameter with what is around it cannot be gathered alone.
        none = {unit for found in owners.values() if model in found for unit in found if unit is not model}
        none |= {unit for found in shared for unit in found if any(other in around[unit] for other in found)}
        if not none:
            return _inner_first(_grouped(units, shared), around)
        units = [unit for unit in units if unit not in none]


def _owners(
    model: nn.Module, units: list[nn.Module]
) -> tuple[dict[nn.Parameter, set[nn.Module]], dict[nn.Module, set[nn.Module]]]:
    """The units that hold each parameter, the model standing for none; and the units around each unit."""
    owners: dict[nn.Parameter, set[nn.Module]] = defaultdict(set)
    around: dict[nn.Module, set[nn.Module]] = defaultdict(set)
    known, seen = set(units), set[tuple[nn.Module, nn.Module]]()

    def visit(module: nn.Module, owner: nn.Module, outer: frozenset[nn.Module]) -> None:
        if module in known:
            around[module] |= outer
            owner, outer = module, outer | {module}
        if (module, owner) in seen:
            return
        seen.add((module, owner))
        for value in module.parameters(recurse=False):
            owners[value].add(owner)
        for child in module.children():
            visit(child, owner, outer)

    visit(model, model, frozenset())
    return owners, around


def _grouped(units: list[nn.Module], shared: list[list[nn.Module]]) -> list[list[nn.Module]]:
    group = {unit: [unit] for unit in units}
    for found in shared:
        first = group[found[0]]
        for unit in found[1:]:
            if group[unit] is not first:
                first += group[unit]
                for member in list(group[unit]):
                    group[member] = first
    unique = {id(members): members for members in group.values()}
    return [sorted(members, key=units.index) for members in unique.values()]


def _inner_first(groups: list[list[nn.Module]], around: dict[nn.Module, set[nn.Module]]) -> list[list[nn.Module]]:
    number = {unit: place for place, members in enumerate(groups) for unit in members}
    order = TopologicalSorter[int](dict.fromkeys(range(len(groups)), ()))
    for unit, place in number.items():
        for outer in sorted(number[other] for other in around[unit]):
            if outer != place:
                order.add(outer, place)
    return [groups[place] for place in order.static_order()]
