"""An optimizer's state that transformers saved, put to the parameters of an optimizer here.

It is by number: first the parameters that decay, then the others, each in the order of the model. Which ones decay is a
matter of the version that wrote it, so the numbers are tried against all ways that there have been; where lengths and
shapes agree, the parameters are found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from trainspec.training.errors import TrainingError
from trainspec.training.model.inside import unwrap
from trainspec.training.optimizers.groups import decay_parameter_names

if TYPE_CHECKING:
    from torch.optim import Optimizer

Named = list[tuple[str, Tensor]]

# What of a parameter's state has the shape of the parameter.
_SHAPED = frozenset(
    {
        *("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "square_avg", "grad_avg", "sum"),
        *("exp_inf", "acc_delta", "exp_avg_diff", "z"),
    }
)
# What torch's own optimizers cannot go on without.
_NEEDED = {
    "Adam": {"exp_avg", "exp_avg_sq"},
    "AdamW": {"exp_avg", "exp_avg_sq"},
    "Adagrad": {"sum"},
    "RMSprop": {"square_avg"},
}
_PLACES = frozenset({"params", "param_names", "lr", "initial_lr", "weight_decay"})
_NO_DECAY_BY_NAME = re.compile(r"bias|layernorm|rmsnorm|(?:^|\.)norm(?:$|\.)|_norm(?:$|\.)")


class ForeignOptimizerError(TrainingError, ValueError):
    """The state of an optimizer that cannot be put to the parameters here; the message says why."""


def refuse_misfit(state: Any, model: nn.Module) -> None:
    """Raise ForeignOptimizerError where no way of sharing out the model's parameters fits the state."""
    _parameters_of(_groups(state), state, [_named(model, order) for order in _orders(model)])


def refuse_no_state(state: Any) -> None:
    """Raise ForeignOptimizerError for what is no state of an optimizer of torch."""
    _groups(state)


def as_numbered_here(state: Any, optimizer: Optimizer, model: nn.Module) -> dict[str, Any]:
    """What `optimizer.load_state_dict` takes, for an optimizer that has made no step yet.

    Its groups become the saved ones where there are as many; their options are the saved ones, as far as the optimizer
    has them. Raises ForeignOptimizerError for the state of other parameters, of other shapes, or of another optimizer.
    """
    groups = _groups(state)
    names = {id(value): name for name, value in unwrap(model).named_parameters()}
    own = [[(names.get(id(value), ""), value) for value in group["params"]] for group in optimizer.param_groups]
    candidates = [*(_named(model, order) for order in _orders(model)), own]
    found = _parameters_of(groups, state, candidates)
    values = iter(found)
    regroup(optimizer, [[next(values) for _ in group["params"]] for group in groups])
    number_of = {id(value): number for number, value in enumerate(found)}
    origin = {number: group for group in groups for number in group["params"]}
    made = []
    for group in optimizer.param_groups:
        numbers = [number_of[id(value)] for value in group["params"] if id(value) in number_of]
        if len(numbers) != len(group["params"]):
            raise ForeignOptimizerError("the optimizer here has parameters that the saved one did not have")
        made.append(_options(group, [origin[number] for number in numbers]))
    return _numbered(optimizer, number_of, state, made)


def regroup(optimizer: Optimizer, wanted: Sequence[Sequence[Tensor]]) -> None:
    """Share out an optimizer's parameters to its groups as they were when the state was saved.

    Nothing happens where there were as many groups of the same parameters in another order, another number of groups,
    or other parameters.
    """
    own = {frozenset(id(value) for value in group["params"]) for group in optimizer.param_groups}
    saved = {frozenset(id(value) for value in group) for group in wanted}
    if own == saved or len(wanted) != len(optimizer.param_groups):
        return
    if frozenset().union(*own) != frozenset().union(*saved):
        return
    for group, values in zip(optimizer.param_groups, wanted, strict=True):
        group["params"] = list(values)


def regroup_as_named(optimizer: Optimizer, state: Mapping[str, Any], model: nn.Module) -> None:
    """The same for a state of ours, which names its parameters."""
    here = dict(unwrap(model).named_parameters(remove_duplicate=False))
    members = [group["params"] for group in state.get("param_groups", [])]
    if all(name in here for group in members for name in group):
        regroup(optimizer, [[here[name] for name in group] for group in members])


def _numbered(
    optimizer: Optimizer, number_of: Mapping[int, int], state: Mapping[str, Any], options: list[dict[str, Any]]
) -> dict[str, Any]:
    states: dict[int, Any] = {}
    groups: list[dict[str, Any]] = []
    position = 0
    for group, chosen in zip(optimizer.param_groups, options, strict=True):
        start = position
        for value in group["params"]:
            saved = state["state"].get(number_of[id(value)])
            if saved is not None:
                _refuse_other_kind(optimizer, saved)
                states[position] = saved
            position += 1
        groups.append({**chosen, "params": list(range(start, position))})
    return {"state": states, "param_groups": groups}


def _options(own: Mapping[str, Any], origins: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The options of a group here: those saved where all its parameters had the same, else what it has already."""
    first = origins[0] if origins else {}
    lacking = [name for name, value in own.items() if name not in first and _is_rate(name, value)] if first else []
    if lacking:
        raise ForeignOptimizerError(f"it is of another optimizer: it has no {', '.join(sorted(lacking))}")
    same = {name for name in own if name in first and all(other.get(name) == first[name] for other in origins)}
    initial = {"initial_lr": first["initial_lr"]} if "initial_lr" in first else {}
    # How it is computed (fused, foreach ...) is a matter of the optimizer here.
    kept = {
        name: first[name] for name in same if name not in ("params", "param_names") and not isinstance(own[name], bool)
    }
    return {**own, **{name: value for name, value in kept.items() if value is not None}, **initial}


def _is_rate(name: str, value: Any) -> bool:
    return name not in _PLACES and value is not None and not isinstance(value, bool) and _is_number(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | tuple)


def _refuse_other_kind(optimizer: Optimizer, saved: Any) -> None:
    lacking = _NEEDED.get(type(optimizer).__name__, set()) - (saved.keys() if isinstance(saved, Mapping) else set())
    if lacking:
        raise ForeignOptimizerError(f"it is of another optimizer: it has no {', '.join(sorted(lacking))}")


def _groups(state: Any) -> list[dict[str, Any]]:
    usual = isinstance(state, Mapping) and isinstance(state.get("state"), Mapping)
    groups = state.get("param_groups") if usual else None
    if not isinstance(groups, list) or not all(
        isinstance(group, Mapping) and isinstance(group.get("params"), list) for group in groups
    ):
        raise ForeignOptimizerError("it is no state of an optimizer of torch")
    numbers = [number for group in groups for number in group["params"]]
    if numbers != list(range(len(numbers))):
        raise ForeignOptimizerError("its parameters are not numbered as torch numbers them")
    return [dict(group) for group in groups if group["params"]]


def _parameters_of(
    groups: Sequence[Mapping[str, Any]], state: Mapping[str, Any], candidates: Sequence[list[Named]]
) -> list[Tensor]:
    """The parameters in the order of the numbers, by the first candidate that fits."""
    why = ""
    for candidate in candidates:
        filled = [group for group in candidate if group]
        reason = _misfit(groups, state["state"], filled)
        if reason is None:
            return [value for group in filled for _, value in group]
        why = why or reason
    raise ForeignOptimizerError(why or "there is nothing to train here")


def _misfit(groups: Sequence[Mapping[str, Any]], states: Mapping[Any, Any], here: Sequence[Named]) -> str | None:
    lengths, own = [len(group["params"]) for group in groups], [len(group) for group in here]
    if sum(lengths) != sum(own):
        return f"it is of {sum(lengths)} parameters, and {sum(own)} are trained here"
    if lengths != own:
        return f"its groups are of {_listed(lengths)} parameters, and here they are of {_listed(own)}"
    for number, (name, value) in enumerate(entry for group in here for entry in group):
        for kind, shape in _shapes(states.get(number)):
            if shape != tuple(value.shape):
                return f"its {kind} of {name or f'parameter {number}'} is {shape}, the parameter {tuple(value.shape)}"
    return None


def _shapes(saved: Any) -> Iterator[tuple[str, tuple[int, ...]]]:
    if isinstance(saved, Mapping):
        for kind, value in saved.items():
            if kind in _SHAPED and isinstance(value, Tensor):
                yield kind, tuple(value.shape)


def _orders(model: nn.Module) -> list[Callable[[str], bool]]:
    """Whether a parameter decays, by name, as 5.x, 4.x and trainspec say; in this order."""
    inner = unwrap(model)
    ours = set(decay_parameter_names(inner))
    layer_norms = {
        f"{path}.{name}" if path else name
        for path, module in inner.named_modules()
        if isinstance(module, nn.LayerNorm) or type(module).__name__.endswith("RMSNorm")
        for name, _ in module.named_parameters()
    }
    only_layer_norms = {
        f"{path}.{name}" if path else name
        for path, module in inner.named_modules()
        if isinstance(module, nn.LayerNorm)
        for name, _ in module.named_parameters()
    }
    return [
        lambda name: name not in only_layer_norms and not _NO_DECAY_BY_NAME.search(name.lower()),
        lambda name: name not in layer_norms and "bias" not in name,
        lambda name: name not in only_layer_norms and "bias" not in name,
        lambda name: name in ours,
    ]


def _named(model: nn.Module, decays: Callable[[str], bool]) -> list[Named]:
    trained = [(name, value) for name, value in unwrap(model).named_parameters() if value.requires_grad]
    return [[entry for entry in trained if decays(entry[0])], [entry for entry in trained if not decays(entry[0])]]


def _listed(lengths: Sequence[int]) -> str:
    return " and ".join(map(str, lengths))
