"""GrokAdamW: AdamW that amplifies what gradients have in common over many updates."""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trainspec.training.optimizers.entry import ClassAndKwargs, Request
from trainspec.training.optimizers.exact_state import keep_state_of_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.optim import Optimizer


def grokadamw(request: Request) -> ClassAndKwargs:
    with _logging_left_alone():
        module: Any = import_module("grokadamw.grokadamw")
    # Autocast changes none of its operations, and this one of CUDA warns in every step elsewhere.
    module.autocast = nullcontext
    return module.GrokAdamW, {**request.adam, **request.own()}


def keep_everything(optimizer: Optimizer, request: Request) -> None:
    """The library keeps its state in the groups, by parameter, from where it could not be loaded."""
    keep_state_of_groups(optimizer, "state")


@contextmanager
def _logging_left_alone() -> Iterator[None]:
    """The library configures the root logger when it is imported."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
