"""Strategies: how many processes train one model, and how."""

from trainspec.training.parallel.single import SingleProcess
from trainspec.training.parallel.strategy import Strategy

__all__ = ["SingleProcess", "Strategy"]
