"""From settings and a model to the optimizer that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.settings.sections.optimizers import OPTIMIZER_ARGUMENTS
from trainspec.settings.values.choices import OptimizerNames
from trainspec.training.optimizers.entry import ClassAndKwargs, Request, load
from trainspec.training.optimizers.groups import parameter_groups
from trainspec.training.optimizers.ownership import release
from trainspec.training.optimizers.registry import OPTIMIZERS

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import nn
    from torch.optim import Optimizer

    from trainspec.settings.arguments import TrainingArguments


def build_optimizer(
    model: nn.Module,
    args: TrainingArguments,
    cls_and_kwargs: tuple[type[Optimizer], dict[str, Any]] | None = None,
    decaying: Collection[str] | None = None,
) -> Optimizer:
    """The optimizer for the model's parameters that train, which decay as `weight_decay` says.

    `decaying` names the parameters that do, where somebody chooses them; else these are all but biases and norms.
    `cls_and_kwargs` takes the place of `optim`; "params", "model" or "optimizer_dict" among its keyword arguments
    is what the class is given first, instead of the decay groups. The model has to be on its device already.
    """
    release(model.parameters())
    if cls_and_kwargs is not None:
        return _construct(model, args, decaying, *cls_and_kwargs)
    request = request_of(args, model)
    entry = OPTIMIZERS[args.optim]
    optimizer = _construct(model, args, decaying, *entry.recipe(request))
    if entry.finish is not None:
        entry.finish(optimizer, request)
    return optimizer


def get_optimizer_cls_and_kwargs(args: TrainingArguments, model: nn.Module | None = None) -> ClassAndKwargs:
    """The class that `optim` names and the keyword arguments that the settings give it, weight decay apart.

    Raises ValueError for an optimizer that is built for a model when there is none.
    """
    return OPTIMIZERS[args.optim].recipe(request_of(args, model))


def request_of(args: TrainingArguments, model: nn.Module | None) -> Request:
    arguments = OPTIMIZER_ARGUMENTS[args.optim].model_validate(args.optim_args or {})
    return Request(args, arguments, model)


def safe_types(optim: str) -> list[Any]:
    """The classes beyond torch's own that a saved state of this optimizer is made of, for torch's safe loading."""
    return [load(place) for place in OPTIMIZERS[OptimizerNames(optim)].safe_types]


def _construct(
    model: nn.Module, args: TrainingArguments, decaying: Collection[str] | None, cls: Any, kwargs: dict[str, Any]
) -> Optimizer:
    kwargs = dict(kwargs)
    first = next((kwargs.pop(name) for name in ("params", "model", "optimizer_dict") if name in kwargs), None)
    optimizer: Optimizer = cls(
        parameter_groups(model, args.weight_decay, decaying) if first is None else first, **kwargs
    )
    return optimizer
