"""Whether a saved state is one of what trains here: a kernel reads as many numbers as a weight has, whatever is there.

Raised is MisfitError, a ValueError, with the parameter and what is wrong with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trainspec.training.errors import TrainingError
from trainspec.training.parallel.named_state import by_number

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

# What a step of torch's own reads of a parameter that it has made a step with before.
_READ = {
    "Adam": ("step", "exp_avg", "exp_avg_sq"),
    "AdamW": ("step", "exp_avg", "exp_avg_sq"),
    "NAdam": ("step", "exp_avg", "exp_avg_sq", "mu_product"),
    "RAdam": ("step", "exp_avg", "exp_avg_sq"),
    "SparseAdam": ("step", "exp_avg", "exp_avg_sq"),
    "Adamax": ("step", "exp_avg", "exp_inf"),
    "Adagrad": ("step", "sum"),
    "Adadelta": ("step", "square_avg", "acc_delta"),
    "RMSprop": ("step", "square_avg"),
    "Rprop": ("step", "prev", "step_size"),
    "ASGD": ("step", "eta", "mu", "ax"),
    "SGD": (),
    "Muon": (),
}
# What it reads besides where an option of the group says so, which holds as it was saved.
_READ_BY_OPTION = {"amsgrad": "max_exp_avg_sq", "centered": "grad_avg"}
# torch chooses for itself.
_MAY_BE_OPEN = frozenset({"foreach", "fused"})
_SCALARS = frozenset({"step", "mu_product", "eta", "mu"})
_ONE_OF_EACH_GROUP = ("base_lrs", "_last_lr", "min_lrs")
_OF_SCALERS = ("scale", "growth_factor", "backoff_factor", "growth_interval", "_growth_tracker")
# Updates of a run, counted in a float32: more of them cannot be told from each other.
_MOST_UPDATES = 2**53


class MisfitError(TrainingError, ValueError):
    """A saved state that is not one of what trains here."""


def structure_problem(state: Any) -> str | None:
    """What is wrong with the state of an optimizer whatever it is; None for groups of parameters and their states."""
    if not isinstance(state, Mapping):
        return "it is no state"
    if "param_groups" not in state or "state" not in state:
        return None
    groups, entries = state["param_groups"], state["state"]
    if not isinstance(groups, list) or not isinstance(entries, Mapping):
        return "its state or its param_groups are of another kind"
    for number, group in enumerate(groups):
        if not isinstance(group, Mapping) or not all(isinstance(name, str) for name in group):
            return f"group {number} is no mapping of names"
        keys = group.get("params")
        if not isinstance(keys, list) or not all(type(key) in (str, int) for key in keys):
            return f"group {number} has no list of parameters"
    for key, entry in entries.items():
        if not isinstance(key, (str, int, tuple)):
            return f"it has a state of {type(key).__name__}"
        if isinstance(entry, Mapping) and not all(isinstance(name, (str, int)) for name in entry):
            return f"the state of {key} has names that are none"
    return None


def refuse_other_optimizer(state: Mapping[str, Any], optimizer: Optimizer, model: nn.Module, *, whole: bool) -> None:
    """Raises MisfitError for a state whose options, or tensors, are not of this optimizer's parameters.

    `whole`: the tensors are those of whole parameters. Raises NamedStateError for other parameters.
    """
    # Whoever loads in a way of his own knows what he saved; an engine checks its pieces itself.
    if getattr(type(optimizer), "load_state_dict", None) is not torch.optim.Optimizer.load_state_dict:
        return
    if not isinstance(state.get("param_groups"), list) or not isinstance(state.get("state"), Mapping):
        raise MisfitError("the saved optimizer state has no param_groups and state")
    numbered = by_number(state, optimizer, model)
    here = optimizer.param_groups
    there = numbered["param_groups"]
    if len(there) != len(here):
        raise MisfitError(f"the saved optimizer state has {len(there)} groups, here are {len(here)}")
    for number, (saved, group) in enumerate(zip(there, here, strict=True)):
        if len(saved["params"]) != len(group["params"]):
            amounts = f"{len(saved['params'])} parameters, here it has {len(group['params'])}"
            raise MisfitError(f"group {number} of the saved optimizer state has {amounts}")
        for name, value in group.items():
            if name != "params" and name in saved:
                _refuse_option(f"{name} of group {number}", saved[name], value, may_be_open=name in _MAY_BE_OPEN)
        on = [name for name in _cannot(group) if saved.get(name) and not group.get(name)]
        if on:
            raise MisfitError(f"{on[0]} of group {number} is on in the saved optimizer state, and cannot be here")
    kind = type(optimizer)
    own = kind.__name__ if kind.__module__.startswith("torch.optim.") else None
    flat = [
        (key, value, [name for option, name in _READ_BY_OPTION.items() if saved.get(option)])
        for saved, group in zip(there, here, strict=True)
        for key, value in zip(saved["params"], group["params"], strict=True)
    ]
    names = {id(value): name for name, value in model.named_parameters()}
    for key, parameter, more in flat:
        entry = numbered["state"].get(key)
        if entry is None:
            continue
        told = names.get(id(parameter), f"parameter {key}")
        if not isinstance(entry, Mapping):
            raise MisfitError(f"the saved optimizer state of {told} is no mapping")
        _refuse_step(entry.get("step"), told)
        if own in _READ:
            _refuse_tensors(entry, (*_READ[own], *more), parameter, told, whole=whole)


def _cannot(group: Mapping[str, Any]) -> Iterator[str]:
    """What the kernels of a group's step do not do: its options are torch's."""
    if group.get("fused"):
        yield "differentiable"
    if any(value.device.type == "cpu" for value in group["params"]):
        yield "capturable"


def with_options_of(state: Mapping[str, Any], optimizer: Optimizer) -> Mapping[str, Any]:
    """The state with this optimizer's own value of each option that it says nothing of.

    torch takes the saved options in place of its own: one that is not there would be forgotten, `fused` among them, and
    so would one that a newer torch has. What is no state, or has other groups, comes back as it is.
    """
    there, here = state.get("param_groups"), optimizer.param_groups
    if not isinstance(there, list) or len(there) != len(here):
        return state
    groups = [
        {**{name: value for name, value in group.items() if name != "params"}, **saved}
        for saved, group in zip(there, here, strict=True)
    ]
    return {**state, "param_groups": groups}


def _refuse_step(step: Any, told: str) -> None:
    if isinstance(step, Tensor):
        if step.numel() != 1 or step.is_complex():
            raise MisfitError(f"step of {told} has the shape {_shown(step)}, it is one number")
        step = step.item()
    if step is None:
        return
    if not isinstance(step, (int, float)) or not 0 <= step <= _MOST_UPDATES:
        raise MisfitError(f"step of {told} is {step!r:.40}, it is a number of updates")


def _refuse_tensors(
    entry: Mapping[str, Any], read: Sequence[str], parameter: Tensor, told: str, *, whole: bool
) -> None:
    lacking = [name for name in read if entry and name not in entry]
    if lacking:
        raise MisfitError(f"the saved state of {told} has no {', '.join(lacking)}: it is another optimizer's")
    for name, value in entry.items():
        if not isinstance(value, Tensor):
            if value is not None and not isinstance(value, (bool, int, float)):
                raise MisfitError(f"{name} of {told} is a {type(value).__name__}, it is a tensor")
            if name in read and name not in _SCALARS:
                raise MisfitError(f"{name} of {told} is a number, it is a tensor")
            continue
        if name in _SCALARS:
            # Where a kernel reads one number, one has to be there.
            if value.numel() != 1 and value.shape != parameter.shape:
                raise MisfitError(f"{name} of {told} has the shape {_shown(value)}, it is one number")
        elif whole and value.shape != parameter.shape:
            raise MisfitError(f"{name} of {told} has the shape {_shown(value)}, {_shown(parameter)} are needed")
        if name not in _SCALARS and not (value.is_floating_point() or value.is_complex()):
            raise MisfitError(f"{name} of {told} is of {value.dtype}, a floating point type is needed")
        if value.is_complex() and not parameter.is_complex():
            raise MisfitError(f"{name} of {told} is of {value.dtype}, its parameter of {parameter.dtype}")


def _refuse_option(told: str, saved: Any, here: Any, *, may_be_open: bool = False) -> None:
    """A saved option is of the kind that it has here; what is open here may be anything plain."""
    if isinstance(here, bool):
        fits = isinstance(saved, bool) or (saved is None and may_be_open)
    elif isinstance(here, (int, float, Tensor)):
        number = saved.item() if isinstance(saved, Tensor) and saved.numel() == 1 else saved
        fits = isinstance(number, (int, float)) and (_is_finite(number) or number == here)
    elif isinstance(here, (tuple, list)):
        fits = isinstance(saved, (tuple, list)) and len(saved) == len(here)
        if fits:
            for number, pair in enumerate(zip(saved, here, strict=True)):
                _refuse_option(f"{told}, entry {number},", *pair)
    elif isinstance(here, str):
        fits = saved is None or isinstance(saved, str)
    else:
        fits = True
    if not fits:
        raise MisfitError(f"{told} is {saved!r:.60} in the saved optimizer state, and {here!r:.60} here")


def refuse_other_schedule(state: Any, schedule: Any, saved: Mapping[str, Any]) -> None:
    """Raises MisfitError for the state of a schedule that would put something else in place of what it works with.

    `saved` is the state of the optimizer that it was saved with.
    """
    if not isinstance(state, Mapping):
        raise MisfitError("the saved state of the schedule is no mapping")
    for name in state:
        if not isinstance(name, str) or name == "optimizer" or callable(getattr(type(schedule), name, None)):
            raise MisfitError(f"the saved state of the schedule has {name!r:.60}, which is no part of one")
    here = schedule.state_dict()
    for name, value in state.items():
        if name in here and not _alike(value, here[name]):
            raise MisfitError(
                f"{name} is {value!r:.60} in the saved state of the schedule, and {here[name]!r:.60} here"
            )
    groups = saved.get("param_groups")
    for name in _ONE_OF_EACH_GROUP:
        if name in state and name in here and isinstance(groups, list) and len(state[name]) != len(groups):
            amounts = f"{len(state[name])} numbers in the saved state of the schedule, the optimizer {len(groups)}"
            raise MisfitError(f"{name} has {amounts} groups")
    for name in ("last_epoch", "_step_count"):
        value = state.get(name)
        if isinstance(value, int) and not -1 <= value <= _MOST_UPDATES:
            raise MisfitError(f"{name} is {value!r:.60} in the saved state of the schedule, it is a number of updates")


def of_each_group(state: Mapping[str, Any], optimizer: Optimizer) -> dict[str, Any]:
    """The state of a schedule for an optimizer that has its saved state, maybe in other groups than it was saved in."""
    now = {
        "base_lrs": [group.get("initial_lr", group.get("lr")) for group in optimizer.param_groups],
        "_last_lr": [group.get("lr") for group in optimizer.param_groups],
    }
    return {**state, **{name: rates for name, rates in now.items() if len(state.get(name, rates)) != len(rates)}}


def refuse_other_scaler(state: Mapping[str, Any], where_it_is: str) -> None:
    """Raises MisfitError for a loss scaler's state that is none."""
    # DeepSpeed's has names of its own.
    lacking = [] if "cur_scale" in state else [name for name in _OF_SCALERS if state and name not in state]
    if lacking:
        raise MisfitError(f"{where_it_is} has no {', '.join(lacking)}")
    for name in ("scale", "cur_scale", "growth_factor", "backoff_factor"):
        value = state.get(name, 1.0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_finite(value) or value <= 0:
            raise MisfitError(f"{name} in {where_it_is} is {value!r:.60}, it is a positive number")
    for name in ("growth_interval", "_growth_tracker"):
        value = state.get(name, 1)
        if type(value) is not int or not 0 <= value < 2**31:
            raise MisfitError(f"{name} in {where_it_is} is {value!r:.60}, it is a count")


def _alike(saved: Any, here: Any) -> bool:
    """Whether one may stand for the other: numbers for numbers, as many of them in a list."""
    if here is None:
        return True
    if isinstance(here, bool):
        return saved is None or isinstance(saved, bool)
    if isinstance(here, (int, float, Tensor)):
        return isinstance(saved, (int, float, Tensor)) and not isinstance(saved, bool)
    if isinstance(here, (list, tuple)):
        # Rates are one for each group; what is of another length was checked by whoever knows why.
        return isinstance(saved, (list, tuple)) and all(
            _alike(one, other) for one, other in zip(saved, here, strict=False)
        )
    if saved is None:
        return True
    if isinstance(here, Mapping):
        return isinstance(saved, Mapping)
    return not isinstance(here, str) or isinstance(saved, str)


def _is_finite(value: float) -> bool:
    """A whole number that no float holds is none of ours."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _shown(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "of one number"
