"""An optimizer's state under the names of the model's parameters, and back under torch's numbers.

    by number   {"state": {0: {...}}, "param_groups": [{"params": [0, 1], "lr": ...}]}
    by name     {"state": {"layer.weight": {...}}, "param_groups": [{"params": ["layer.weight", "layer.bias"], ...}]}

Names outlive what numbers do not: other groups, another order, parameters that were wrapped, sharded or dealt to other
processes. A tied parameter has the first of its names. What an optimizer has besides the model's parameters keeps a
number: its place among the parameters of that kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from trainspec.training.errors import TrainingError
from trainspec.training.model.names import plain_parameters, without_wrappers

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

Key = str | int
State = Mapping[str, Any]
Group = Mapping[str, Any]

# torch's own note of names, which follows the order of `params`.
_NAMES_OF_TORCH = "param_names"


class NamedStateError(TrainingError, ValueError):
    """A saved optimizer state is not of this optimizer's parameters; the message lists what differs."""


def by_name(state: State, optimizer: Optimizer, model: nn.Module) -> State:
    """The state dict of `optimizer` with names of `model` in place of numbers; of any other form, as it is."""
    if not _is_usual(state):
        return state
    keys = _keys(optimizer, model)
    numbers = [number for group in state["param_groups"] for number in group["params"]]
    named = dict(zip(numbers, keys, strict=True))
    groups = [{**group, "params": [named[number] for number in group["params"]]} for group in state["param_groups"]]
    return {
        **state,
        "state": {named.get(key, key): value for key, value in state["state"].items()},
        "param_groups": groups,
    }


def is_named(state: State) -> bool:
    """Whether it is by name; older checkpoints hold numbers."""
    return _is_usual(state) and any(isinstance(key, str) for group in state["param_groups"] for key in group["params"])


def by_number(state: State, optimizer: Optimizer, model: nn.Module) -> State:
    """What `optimizer.load_state_dict` takes, each state at the number that its parameter has here.

    A state by number passes through. Raises NamedStateError for parameters that are not in the saved state, or only
    there, and for groups here that take parameters from groups with different options.
    """
    if not is_named(state):
        return state
    found = _canonical(state, model)
    keys = _keys(optimizer, model)
    _refuse_others(keys, [key for group in found["param_groups"] for key in group["params"]])
    numbers = {key: number for number, key in enumerate(keys)}
    origin = {key: group for group in found["param_groups"] for key in group["params"]}
    empty = (group for group in found["param_groups"] if not group["params"])
    own, groups = iter(keys), []
    for number, group in enumerate(optimizer.param_groups):
        members = [next(own) for _ in group["params"]]
        options = _options(number, [(key, origin[key]) for key in members] or [("", next(empty, group))])
        kept = {_NAMES_OF_TORCH: group[_NAMES_OF_TORCH]} if _NAMES_OF_TORCH in group else {}
        groups.append({**options, **kept, "params": [numbers[key] for key in members]})
    return {
        **state,
        "state": {numbers.get(key, key): value for key, value in found["state"].items()},
        "param_groups": groups,
    }


def _is_usual(state: State) -> bool:
    return isinstance(state.get("state"), Mapping) and isinstance(state.get("param_groups"), list)


def _keys(optimizer: Optimizer, model: nn.Module) -> list[Key]:
    """A key for every parameter, in the order of torch's numbers."""
    names = {id(value): name for name, value in plain_parameters(model)}
    keys: list[Key] = []
    others = 0
    for group in optimizer.param_groups:
        for value in group["params"]:
            name = names.get(id(value))
            keys.append(others if name is None else name)
            others += name is None
    return keys


def _canonical(state: State, model: nn.Module) -> State:
    """With the names by which tied parameters go here."""
    first = {id(value): name for name, value in plain_parameters(model)}
    names: dict[Key, Key] = {name: first[id(value)] for name, value in plain_parameters(model, remove_duplicate=False)}
    there = [key for group in state["param_groups"] for key in group["params"] if isinstance(key, str)]
    # Older checkpoints name what a wrapper held by the wrapper, too.
    names |= {key: names.get(plain, plain) for key, plain in without_wrappers(there, map(str, names)).items()}
    groups = [{**group, "params": [names.get(key, key) for key in group["params"]]} for group in state["param_groups"]]
    saved = {key for group in state["param_groups"] for key in group["params"]}
    values = {(names.get(key, key) if key in saved else key): value for key, value in state["state"].items()}
    return {"state": values, "param_groups": groups}


def _refuse_others(here: list[Key], saved: list[Key]) -> None:
    twice = sorted({str(key) for key in saved if saved.count(key) > 1}) if len(set(saved)) < len(saved) else []
    missing, extra = _without(here, saved), _without(saved, here)
    problems = [
        f"{what}: {', '.join(names)}"
        for what, names in (("it lacks", missing), ("only there", extra), ("there more than once", twice))
        if names
    ]
    if problems:
        raise NamedStateError(f"the saved optimizer state is of other parameters; {'; '.join(problems)}")


def _without(keys: list[Key], others: list[Key]) -> list[str]:
    known = set(others)
    return [
        key if isinstance(key, str) else f"number {key} of those outside of the model"
        for key in keys
        if key not in known
    ]


def _options(number: int, members: list[tuple[Key, Group]]) -> dict[str, Any]:
    """The options that a group takes from the saved groups of its members."""
    first, group = members[0]
    options = _without_parameters(group)
    for key, other in members[1:]:
        if other is not group and not _equal(_without_parameters(other), options):
            raise NamedStateError(
                f"group {number} of the optimizer holds {first} and {key}, which were saved in groups with different "
                f"options: {sorted(_differing(options, _without_parameters(other)))}"
            )
    return options


def _without_parameters(group: Group) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name not in ("params", _NAMES_OF_TORCH)}


def _differing(left: dict[str, Any], right: dict[str, Any]) -> Iterator[str]:
    absent = object()
    for name in {**left, **right}:
        if not _equal(left.get(name, absent), right.get(name, absent)):
            yield name


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        return isinstance(left, Tensor) and isinstance(right, Tensor) and left.equal(right)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    return bool(left == right)
