"""What callbacks keep of themselves in a checkpoint, and getting it back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from trainspec.training.callbacks.control import ExportableState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainspec.training.state import TrainerState

logger = logging.getLogger(__name__)


def export_states(parts: Iterable[Any], state: TrainerState) -> None:
    """Put what the control and the callbacks keep of themselves into the state, for a checkpoint."""
    kept: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, ExportableState):
            name, exported = type(part).__name__, part.state()
            others = kept.get(name)
            # Several of one class make a list.
            several = others if isinstance(others, list) else [others]
            kept[name] = exported if others is None else [*several, exported]
    state.stateful_callbacks = kept


def restore_states(callbacks: Iterable[Any], state: TrainerState) -> None:
    """Give callbacks the states that a checkpoint kept, in place: whoever made one still holds it."""
    stored = {name: list(kept) if isinstance(kept, list) else [kept] for name, kept in state.stateful_callbacks.items()}
    for callback in callbacks:
        if not isinstance(callback, ExportableState):
            continue
        waiting = stored.get(type(callback).__name__)
        if waiting:
            vars(callback).update(vars(type(callback).from_state(waiting.pop(0))))
        else:
            logger.warning("the checkpoint holds no state of %s; it starts anew", type(callback).__name__)
