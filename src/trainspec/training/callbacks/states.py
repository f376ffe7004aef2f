"""What callbacks keep of themselves in a checkpoint, and getting it back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from trainspec.training.callbacks.control import ExportableState, TrainerControl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainspec.training.state import TrainerState

logger = logging.getLogger(__name__)


def keeps_state(part: Any) -> bool:
    """Whether it has a state to export: an ExportableState, or what has the methods of one, as transformers' have."""
    if isinstance(part, ExportableState):
        return True
    return callable(getattr(part, "state", None)) and callable(getattr(type(part), "from_state", None))


def export_states(parts: Iterable[Any], state: TrainerState) -> None:
    """Put what the control and the callbacks keep of themselves into the state, for a checkpoint.

    The control's switches are written as off: what they asked for at the moment of the save is done, or is due by
    `evaluation_due` and `epoch_is_open`, and one that is left on would end a run that goes on in transformers.
    """
    kept: dict[str, Any] = {}
    for part in parts:
        if keeps_state(part):
            name, exported = type(part).__name__, part.state()
            if isinstance(part, TrainerControl):
                exported = {**exported, "args": {**exported.get("args", {}), **TrainerControl().state()["args"]}}
            others = kept.get(name)
            # Several of one class make a list.
            several = others if isinstance(others, list) else [others]
            kept[name] = exported if others is None else [*several, exported]
    state.stateful_callbacks = kept


def restore_states(callbacks: Iterable[Any], state: TrainerState, *, as_made: bool = False) -> None:
    """Give callbacks the states that a checkpoint kept, in place: whoever made one still holds it.

    What changes while training goes on. How a callback was made is as it is now, a patience for one; with `as_made` it
    is what it was then.
    """
    stored = {name: list(kept) if isinstance(kept, list) else [kept] for name, kept in state.stateful_callbacks.items()}
    # Older checkpoints hold its switches as they were at the moment of the save.
    stored.pop(TrainerControl.__name__, None)
    anew: list[str] = []
    for callback in callbacks:
        if not keeps_state(callback):
            continue
        name = type(callback).__name__
        waiting = stored.get(name)
        if not waiting or not _restored(callback, waiting.pop(0), as_made=as_made):
            anew.append(name)
    _tell(anew, [name for name, waiting in stored.items() if waiting])


def _restored(callback: Any, kept: Any, *, as_made: bool) -> bool:
    """Whether the callback could be given the state; its class may have changed since."""
    try:
        if as_made:
            vars(callback).update(vars(type(callback).from_state(kept)))
        else:
            for name, value in kept.get("attributes", {}).items():
                _refuse_other_kind(callback, name, value)
                setattr(callback, name, value)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        logger.warning("the state that the checkpoint holds of %s does not fit: %s", type(callback).__name__, error)
        return False
    return True


def _refuse_other_kind(callback: Any, name: str, value: Any) -> None:
    """Of our own callbacks, which count with what is a number. Somebody's own may take what it likes."""
    is_ours = type(callback).__module__.startswith("trainspec.")
    if is_ours and isinstance(getattr(callback, name, None), int | float) and not isinstance(value, int | float | None):
        raise TypeError(f"{name} is {value!r:.60}, it is a number")


def _tell(anew: list[str], unclaimed: list[str]) -> None:
    if anew:
        logger.warning("the checkpoint holds no state that fits %s, which starts anew", ", ".join(anew))
    if unclaimed:
        logger.warning(
            "the checkpoint holds states of callbacks that this run does not have: %s; it goes on without them",
            ", ".join(unclaimed),
        )
