"""Overrides that have no effect here, or replace more than they may know of: told when a Trainer is made."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import CodeType
from typing import Any

from trainspec.settings.diagnostics import Diagnostic
from trainspec.training.findings.found import found
from trainspec.training.trainer.inside.names import NEVER
from trainspec.training.trainer.inside.overrides import is_assigned, is_overridden

_LOOP = "_inner_training_loop"


def find_overrides(trainer: Any) -> Iterator[Diagnostic]:
    never = [name for name in sorted(NEVER) if is_assigned(trainer, name)]
    kind = type(trainer).__name__
    if never:
        yield found(
            trainer.args,
            "RUN185",
            f"{kind} overrides {', '.join(never)}, which trainspec never calls",
            remedy="; ".join(f"instead of {name} use {NEVER[name]}" for name in never),
            severity="warning",
        )
    if is_overridden(trainer, _LOOP) and not _mentions(getattr(trainer, _LOOP), _LOOP):
        yield found(
            trainer.args,
            "RUN186",
            f"{kind}.{_LOOP} is a whole training loop and does not call super()",
            severity="warning",
        )
    if "accelerator" in vars(trainer) and not hasattr(trainer.accelerator, "answers_for"):
        yield found(
            trainer.args,
            "RUN187",
            f"{kind} sets an accelerator of its own, which nothing trains by",
            severity="warning",
        )


def _mentions(method: Any, name: str) -> bool:
    """Whether a method's code speaks of a name; True where its code cannot be read."""
    code = getattr(inspect.unwrap(getattr(method, "__func__", method)), "__code__", None)
    return code is None or _code_mentions(code, name)


def _code_mentions(code: CodeType, name: str) -> bool:
    inner = (part for part in code.co_consts if isinstance(part, CodeType))
    return name in code.co_names or any(_code_mentions(part, name) for part in inner)
