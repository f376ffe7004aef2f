"""What tells where it is: `state_dict()` gives that, `load_state_dict(state)` has the next walk begin there."""

from __future__ import annotations

import json
from typing import Any

from torch.utils.data import get_worker_info

from trainspec.text.bounded_json import LARGEST_DOCUMENT, too_large
from trainspec.training.checkpoint.states.nests import DamagedNest, UnsavableError, filled, outlined
from trainspec.training.data.position import DataPositionError
from trainspec.training.data.rows import Streamed

# Beyond that a run would wait for it with every batch.
_LARGEST_STATE = LARGEST_DOCUMENT // 4


def states_itself(value: Any) -> bool:
    """Whether it tells its place, and goes on with the very next row from there."""
    both = callable(getattr(value, "state_dict", None)) and callable(getattr(value, "load_state_dict", None))
    return both and not _loses_rows(value)


def stating(dataset: Any) -> Any:
    """What of a data set in this process tells its place, but for its iterator; None where nothing does."""
    if not isinstance(dataset, Streamed):
        return dataset if states_itself(dataset) else None
    worker = get_worker_info()
    # Several workers count the rows from the beginning to know which are theirs.
    alone = worker is None or worker.num_workers == 1
    return dataset.rows if alone and states_itself(dataset.rows) else None


def _loses_rows(value: Any) -> bool:
    """Whether it is a stream of Hugging Face with a buffer that it shuffles: its state leaves out what is in there."""
    waiting, seen = [getattr(value, "_ex_iterable", None)], 0
    while waiting and seen < 1000:
        part, seen = waiting.pop(), seen + 1
        if part is None:
            continue
        if type(part).__name__ == "BufferShuffledExamplesIterable" and getattr(part, "buffer_size", 0) > 1:
            return True
        waiting.append(getattr(part, "ex_iterable", None))
        waiting.extend(getattr(part, "ex_iterables", None) or ())
    return False


def state_text(stating: Any) -> tuple[str | None, str | None]:
    """The state as it is now, as JSON; or why it is none that a checkpoint could hold."""
    try:
        text = json.dumps(outlined(stating.state_dict(), "the state of the training data"), allow_nan=False)
    except (UnsavableError, RecursionError) as error:
        return None, str(error)
    problem = too_large(text.encode())
    if problem or len(text) > _LARGEST_STATE:
        return None, f"the state of the training data has {len(text):,} letters, at most {_LARGEST_STATE:,} are saved"
    return text, None


def state_of(document: Any) -> Any:
    """The state in a document. Raises ValueError for what is none."""
    try:
        return filled(document, {})
    except DamagedNest as error:
        raise ValueError(str(error)) from None


def load(stating: Any, state: Any) -> None:
    """Have it go on there. Raises DataPositionError for a state that it does not take."""
    try:
        stating.load_state_dict(state)
    except Exception as error:  # somebody's own code raises whatever it likes
        raise DataPositionError(
            f"{type(stating).__name__}.load_state_dict() does not take the state that the checkpoint has of the "
            f"training data ({type(error).__name__}: {error}): resume with the data that the run had, or set "
            "ignore_data_skip: true, which begins the epoch again"
        ) from error
