"""A log entry as dashboards expect it: loss is train/loss, eval_loss is eval/loss, test_loss is test/loss."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from numbers import Real
from typing import TYPE_CHECKING, Any

from trainspec.training.evaluation.plain import flat_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainspec.training.trackers.base import Entry

logger = logging.getLogger(__name__)

# Figures of a whole run, not points of a curve.
CLOSING = frozenset({"train_runtime", "train_samples_per_second", "train_steps_per_second", "train_loss", "total_flos"})
# A curve each: more of them are no dashboard any more.
_MOST = 100
_PREFIXES = {"eval_": "eval/", "test_": "test/"}


def dashboard_name(key: str) -> str:
    for written, shown in _PREFIXES.items():
        if key.startswith(written):
            return shown + key.removeprefix(written)
    return f"train/{key}"


def number_of(value: Any) -> float | None:
    """The value as a Python number: also numpy's scalars and tensors of one element. None: it is no number."""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, Real):
        return float(value)
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return number_of(value.item())
    return None


def step_of(entry: Entry) -> int:
    return int(entry.get("step", 0))


def last_step(history: Sequence[Entry]) -> int | None:
    """The last step that a resumed run has told before; None where nothing was told."""
    return max(map(step_of, history), default=None)


class Scalars:
    """Numbers of entries under dashboard names. The epoch, which is in every entry, is told once a step.

    Up to and with `told_until`, the tracker has everything already: it goes on with a run of its own.
    """

    def __init__(self, told_until: int | None = None) -> None:
        self._told_until = -1 if told_until is None else told_until
        self._epoch_at = -1

    def of(self, entry: Entry) -> dict[str, float]:
        step = step_of(entry)
        if step <= self._told_until:
            return {}
        left_out = {"step", "epoch"} if step == self._epoch_at else {"step"}
        self._epoch_at = step
        return numbers(entry, left_out)


def numbers(entry: Mapping[str, Any], left_out: set[str]) -> dict[str, float]:
    known = {dashboard_name(key): number_of(value) for key, value in entry.items() if key not in left_out}
    found = {name: value for name, value in known.items() if value is not None}
    if len(found) < len(known):
        for key, value in entry.items():
            if isinstance(value, (list, Mapping)) and key not in left_out:
                found |= _nested(dashboard_name(key), value)
    return found


def _nested(name: str, value: Any) -> dict[str, float]:
    """The numbers in a list or a mapping, each under its place: eval/f1/0, eval/report/macro."""
    found = dict(islice(flat_numbers(name, value), _MOST + 1))
    if len(found) <= _MOST:
        return found
    _say_too_many(name)
    return {}


# Once a name, not once an entry and tracker.
@lru_cache
def _say_too_many(name: str) -> None:
    logger.warning("%s holds more than %d numbers, and is told to no dashboard; logs and files hold it", name, _MOST)
