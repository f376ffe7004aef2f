"""Optimizers: decay groups, a registry of recipes, and what is special about running some of them."""

from trainspec.training.optimizers.building import build_optimizer, get_optimizer_cls_and_kwargs, safe_types
from trainspec.training.optimizers.groups import decay_parameter_names
from trainspec.training.optimizers.registry import OPTIMIZERS

__all__ = ["OPTIMIZERS", "build_optimizer", "decay_parameter_names", "get_optimizer_cls_and_kwargs", "safe_types"]
