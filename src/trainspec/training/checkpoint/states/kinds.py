"""What stands in the documents of a checkpoint, checked value by value before a run goes on with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST = 2**53
_COUNT, _NUMBER, _TEXT, _LIST, _MAPPING, _FLAG = "a count", "a number", "a text", "a list", "a mapping", "true or false"

# Of trainer_state.json and trainspec_state.json.
_STATE = {
    **dict.fromkeys(
        ("global_step", "max_steps", "num_train_epochs", "logging_steps", "eval_steps", "save_steps"), _COUNT
    ),
    **dict.fromkeys(("train_batch_size", "best_global_step", "epoch_index", "rows_in_epoch"), _COUNT),
    **dict.fromkeys(("updates_in_epoch", "updates_per_epoch", "batch_in_epoch"), _COUNT),
    **dict.fromkeys(("total_flos", "num_input_tokens_seen", "best_metric"), _NUMBER),
    "epoch": "an amount",
    "updates_beyond_epochs": "a difference",
    "log_history": _LIST,
    "best_model_checkpoint": _TEXT,
    "trial_name": _TEXT,
    **dict.fromkeys(
        ("trial_params", "stateful_callbacks", "running_loss", "first_rows", "last_update", "uneven_rows"), _MAPPING
    ),
    **dict.fromkeys(("is_hyper_param_search", "evaluation_due", "epoch_is_open"), _FLAG),
}
# Of the place in the data. Somebody's own order is a list of anything.
_POSITION = {
    **dict.fromkeys(("epoch", "rows", "length", "grouping", "batches", "streams"), _COUNT),
    "seed": "a whole number",
    "readers": "two counts",
    "order": _LIST,
    "keyed": _FLAG,
}
# Intervals may be fractions of a run, or whole numbers that a program wrote as 500.0.
_MAY_BE_FRACTIONS = frozenset({"logging_steps", "eval_steps", "save_steps", "num_train_epochs"})
_EACH = "by_rank"


def state_problem(document: Mapping[str, Any]) -> str | None:
    """What in a trainer's state is not what it has to be, as "name is value, it is a count"; None where all is.

    Nothing has to be there, and null stands for that.
    """
    for name, kind in _STATE.items():
        value = document.get(name)
        if value is not None and not _is(value, "an amount" if name in _MAY_BE_FRACTIONS else kind):
            return f"{name} is {value!r:.60}, it is {kind}"
    for number, entry in enumerate(document.get("log_history") or ()):
        if not isinstance(entry, Mapping):
            return f"entry {number} of log_history is {entry!r:.60}, it is a mapping"
    for name, value in (document.get("last_update") or {}).items():
        if value is not None and not _is(value, _NUMBER):
            return f"{name!r:.60} of last_update is {value!r:.60}, it is a number"
    for name, value in (document.get("uneven_rows") or {}).items():
        if not _is(value, _COUNT) or value < 0:
            return f"{name!r:.60} of uneven_rows is {value!r:.60}, it is {_COUNT}"
    losses = document.get("running_loss") or {}
    for name, length in (("sums", 2), ("counts", 2), ("last", 1)) if losses else ():
        if not _are_numbers(losses.get(name), length):
            return f"{name} of running_loss is {losses.get(name)!r:.60}, it is {length} numbers as text"
    return None


def position_problem(document: Mapping[str, Any]) -> str | None:
    """The same of a place in the data; each process may have a value of its own."""
    for name, kind in _POSITION.items():
        value = document.get(name)
        each = [value]
        if isinstance(value, Mapping):
            if value.keys() != {_EACH} or not isinstance(value[_EACH], list) or not value[_EACH]:
                return f"{name} of the data is {value!r:.60}, it is {kind}"
            each = value[_EACH]
        for entry in each:
            if entry is not None and not _is(entry, kind):
                return f"{name} of the data is {entry!r:.60}, it is {kind}"
    missing = [name for name in ("epoch", "rows") if name in document and document[name] is None]
    return f"{missing[0]} of the data is null, it is a count" if missing else None


def settings_problem(document: Mapping[str, Any]) -> str | None:
    """The same of resolved_args.json: each setting is a mapping with its value."""
    for name, entry in document.items():
        if not isinstance(entry, Mapping) or "value" not in entry:
            return f"{name!r:.60} has no value"
    for name in ("seed", "data_seed", "gradient_accumulation_steps", "per_device_train_batch_size"):
        value = document.get(name, {}).get("value")
        if value is not None and not _is(value, "a whole number"):
            return f"{name} is {value!r:.60}, it is a whole number"
    return None


def _is(value: Any, kind: str) -> bool:
    if kind in (_TEXT, _LIST, _MAPPING, _FLAG):
        return isinstance(value, {_TEXT: str, _LIST: list, _MAPPING: Mapping, _FLAG: bool}[kind])
    if kind == "two counts":
        return isinstance(value, list) and len(value) == 2 and all(_is(entry, _COUNT) for entry in value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if kind == _NUMBER:
        return isinstance(value, float) or abs(value) <= 10**300
    if kind == "an amount":
        # A whole number that no float holds compares like any other, and nan with nothing.
        return -1 <= value <= _MOST
    # A seed may be as large as a generator takes.
    largest = 2**64 if kind == "a whole number" else _MOST
    smallest = 0 if kind == _COUNT else -largest
    # max_steps is -1 where epochs count.
    return isinstance(value, int) and (smallest <= value <= largest or value == -1)


def _are_numbers(value: Any, length: int) -> bool:
    if not isinstance(value, list) or len(value) != length or not all(isinstance(text, str) for text in value):
        return False
    try:
        return all(len(text) <= 64 and isinstance(float(text), float) for text in value)
    except ValueError:
        return False
