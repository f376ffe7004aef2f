"""TrainerState: how far a run is, and what it has seen. Saved with every checkpoint."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainspec.settings.arguments.launch import Launch
from trainspec.text.bounded_json import parse_json
from trainspec.text.redaction import redact_whole_url

if TYPE_CHECKING:
    from os import PathLike

TRAINER_STATE_NAME = "trainer_state.json"
OWN_STATE_NAME = "trainspec_state.json"
# What transformers' own TrainerState takes: with any other key in trainer_state.json it could not read the file.
_SHARED = frozenset(
    {
        *("epoch", "global_step", "max_steps", "num_train_epochs", "logging_steps", "eval_steps", "save_steps"),
        *("train_batch_size", "num_input_tokens_seen", "total_flos", "log_history"),
        *("best_metric", "best_global_step", "best_model_checkpoint"),
        *("is_hyper_param_search", "trial_name", "trial_params", "stateful_callbacks"),
    }
)
# JSON has no nan and no inf: they are written as {"$float": "nan"}, and what looks like that gets one more "$".
_FLOAT = "$float"
_LIKE_FLOAT = re.compile(r"\$+float")
_NOT_FINITE = frozenset({"nan", "inf", "-inf"})


@dataclass
class TrainerState:
    """Everything here is a plain number, text, list or mapping, so that it is JSON.

    `global_step` counts finished updates; `epoch` is how many passes over the data they were; intervals
    (`logging_steps`, `eval_steps`, `save_steps`) are in updates, as they were worked out for this run.
    """

    epoch: float = 0.0
    global_step: int = 0
    max_steps: int = 0
    logging_steps: int = 500
    eval_steps: int = 500
    save_steps: int = 500
    train_batch_size: int = 0
    num_train_epochs: int = 0
    num_input_tokens_seen: int = 0
    total_flos: float = 0
    log_history: list[dict[str, Any]] = field(default_factory=list)
    best_metric: float | None = None
    best_global_step: int | None = None
    best_model_checkpoint: str | None = None
    is_hyper_param_search: bool = False
    trial_name: str | None = None
    trial_params: dict[str, Any] | None = None
    stateful_callbacks: dict[str, Any] = field(default_factory=dict)
    # Where the next window starts: rows of the epoch that all processes together have used up.
    epoch_index: int = 0
    rows_in_epoch: int = 0
    updates_in_epoch: int = 0
    updates_per_epoch: int | None = None
    # Made when epochs were cut into other batches: so many more than they would take as they are cut now.
    updates_beyond_epochs: int = 0
    # Checksums of the first rows of the training data, which tell other data from these.
    first_rows: dict[str, str] = field(default_factory=dict)
    # Losses since the last log entry, which a resumed run goes on from.
    running_loss: dict[str, Any] = field(default_factory=dict)
    # Of all processes: rows that were repeated, or left out, since some had fewer than others.
    uneven_rows: dict[str, int] = field(default_factory=dict)
    # Numbers of the last update, which an entry of the log may still have to tell.
    last_update: dict[str, float | None] = field(default_factory=dict)
    # The run broke off before the evaluation of this update was through: who goes on from here begins with it.
    evaluation_due: bool = False
    # An epoch has begun, and what follows its last update is still to come: whoever goes on from here ends it, also
    # where no update is left to do.
    epoch_is_open: bool = False

    @property
    def is_world_process_zero(self) -> bool:
        """Whether this process is the first of the job. As its launcher says: a state may be read by any process."""
        return Launch.of_this_process().rank == 0

    @property
    def is_local_process_zero(self) -> bool:
        """Whether this process is the first of its node."""
        return (Launch.of_this_process().local_rank or 0) == 0

    def to_dict(self) -> dict[str, Any]:
        """As it is written to files: without the credentials of a URL."""
        best = self.best_model_checkpoint
        return {**asdict(self), "best_model_checkpoint": None if best is None else redact_whole_url(best)}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> TrainerState:
        known = {entry.name for entry in fields(cls)}
        # Null stands for what is not there.
        return cls(**{key: value for key, value in document.items() if key in known and value is not None})

    def save_to_json(self, json_path: str | PathLike[str]) -> None:
        """Write the state to a local file that transformers reads too, without what only a checkpoint needs."""
        Path(json_path).write_bytes(state_bytes(shared_part(self.to_dict())))

    @classmethod
    def load_from_json(cls, json_path: str | PathLike[str]) -> TrainerState:
        """Read a state that `save_to_json`, or transformers, wrote; what is unknown in it is passed over."""
        return cls.from_dict(parse_state(Path(json_path).read_bytes()))


def shared_part(document: Mapping[str, Any]) -> dict[str, Any]:
    """What of a state's document stands in trainer_state.json: the keys that transformers knows."""
    return {key: value for key, value in document.items() if key in _SHARED}


def own_part(document: Mapping[str, Any]) -> dict[str, Any]:
    """What of it stands beside, in trainspec_state.json."""
    return {key: value for key, value in document.items() if key not in _SHARED}


def state_bytes(document: Mapping[str, Any]) -> bytes:
    """A state's document as JSON that every reader takes, from which `parse_state` gets every number back."""
    return (json.dumps(_spelled(document), indent=2, allow_nan=False) + "\n").encode()


def parse_state(data: bytes | str) -> dict[str, Any]:
    """The document in a trainer_state.json, of this or an older trainspec, or of transformers (NaN, Infinity).

    Raises ValueError for what is no JSON object, is too large, or nested too deeply.
    """
    raw = data.encode() if isinstance(data, str) else data
    document = parse_json(raw, of_a_run=True, object_hook=_unspelled)
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")
    return document


def _spelled(value: Any) -> Any:
    # A run goes on from its own numbers, nan and inf among them; the null of other documents loses which.
    if isinstance(value, Mapping):
        spelled = {key: _spelled(item) for key, item in value.items()}
        only = next(iter(spelled)) if len(spelled) == 1 else None
        looks_like_one = isinstance(only, str) and _LIKE_FLOAT.fullmatch(only)
        return {f"${only}": spelled[only]} if looks_like_one else spelled
    if isinstance(value, list | tuple):
        return [_spelled(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {_FLOAT: repr(float(value))}
    return value


def _unspelled(found: dict[str, Any]) -> Any:
    if len(found) != 1:
        return found
    ((key, value),) = found.items()
    if key == _FLOAT:
        # Anything else under that name is somebody else's own.
        return float(value) if isinstance(value, str) and value in _NOT_FINITE else found
    return {key[1:]: value} if _LIKE_FLOAT.fullmatch(key) else found
