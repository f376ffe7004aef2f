"""Optimizers: decay groups and a registry of builders."""

from trainspec.training.optimizers.groups import decay_parameter_names
from trainspec.training.optimizers.registry import OPTIMIZERS, build_optimizer

__all__ = ["OPTIMIZERS", "build_optimizer", "decay_parameter_names"]
