"""TrainerState: how far a run is, and what it has seen. Saved with every checkpoint."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from os import PathLike

TRAINER_STATE_NAME = "trainer_state.json"


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
    is_local_process_zero: bool = True
    is_world_process_zero: bool = True
    is_hyper_param_search: bool = False
    trial_name: str | None = None
    trial_params: dict[str, Any] | None = None
    stateful_callbacks: dict[str, Any] = field(default_factory=dict)
    # Where the next window starts: data order is a function of these two and the seed.
    epoch_index: int = 0
    batch_in_epoch: int = 0
    updates_per_epoch: int | None = None
    # Losses since the last log entry, which a resumed run goes on from.
    running_loss: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> TrainerState:
        known = {entry.name for entry in fields(cls)}
        return cls(**{key: value for key, value in document.items() if key in known})

    def save_to_json(self, json_path: str | PathLike[str]) -> None:
        """Write the state to a local file."""
        Path(json_path).write_text(json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def load_from_json(cls, json_path: str | PathLike[str]) -> TrainerState:
        """Read a state that `save_to_json`, or transformers, wrote; what is unknown in it is passed over."""
        return cls.from_dict(json.loads(Path(json_path).read_text(encoding="utf-8")))
