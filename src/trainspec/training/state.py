"""TrainerState: how far a run is, and what it has seen. Saved with every checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass
class TrainerState:
    """Everything here is a plain number, text or list, so that it is JSON."""

    global_step: int = 0
    epoch: float = 0.0
    max_steps: int = 0
    num_train_epochs: int = 0
    updates_per_epoch: int | None = None
    train_batch_size: int = 0
    # Where the next window starts: data order is a function of these two and the seed.
    epoch_index: int = 0
    batch_in_epoch: int = 0
    best_metric: float | None = None
    best_global_step: int | None = None
    best_model_checkpoint: str | None = None
    log_history: list[dict[str, Any]] = field(default_factory=list)
    # Losses since the last log entry, and the schedule's view of the last metric: what a resumed run goes on from.
    running_loss: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> TrainerState:
        known = {entry.name for entry in fields(cls)}
        return cls(**{key: value for key, value in document.items() if key in known})
