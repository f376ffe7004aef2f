"""What checkpoints lie in a folder, and what is known of each, without torch."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from trainspec.storage import PermissionRefused
from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint.load import Checkpoint, folder_name, oldest_first
from trainspec.training.checkpoint.manifest import MANIFEST, CheckpointError
from trainspec.training.foreign.checkpoint import ForeignCheckpoint, read_state_of
from trainspec.training.foreign.finding import open_any

if TYPE_CHECKING:
    from trainspec.storage import Store

_OPTIMIZER, _SCHEDULE = (
    re.compile(r"optimizer(-[0-9]+-of-[0-9]+)?\.(safetensors|pt)"),
    ("scheduler.json", "scheduler.pt"),
)


@dataclass(frozen=True)
class Facts:
    """One checkpoint. `problem` says why it is none; what hangs on its files is None then. `best_step` is the best that
    the run had made when this one was saved.

    `written_by` is trainspec, transformers (also where it was imported), or unknown; `size` is in bytes, `epoch` in
    passes over the data.
    """

    path: str
    written_by: str
    problem: str | None = None
    step: int | None = None
    epoch: float | None = None
    resumable: bool | None = None
    best: bool | None = None
    best_step: int | None = None
    best_metric: float | None = None
    size: int = 0
    files: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "files": list(self.files)}


def facts_of(store: Store, *, verify: bool = False) -> Facts:
    """What lies in a folder. With `verify`, ours are compared byte for byte with what was written.

    Raises StorageError.
    """
    path = redact_whole_url(store.url)
    try:
        checkpoint = open_any(store)
        if verify:
            checkpoint.verify()
        state = read_state_of(store) if checkpoint.has("trainer_state.json") else {}
    except CheckpointError as error:
        known = "trainspec" if store.exists(MANIFEST) else "unknown"
        return Facts(path, known, problem=error.problem, size=sum(entry.size for entry in store.entries()))
    best = state.get("best_global_step")
    return Facts(
        path,
        _writer(checkpoint),
        step=checkpoint.step,
        epoch=state.get("epoch"),
        resumable=_holds_steps(checkpoint),
        best=None if best is None else best == checkpoint.step,
        best_step=best,
        best_metric=_number(state.get("best_metric")),
        size=sum(entry.size for entry in store.entries()),
        files=tuple(entry.name for entry in store.entries()),
    )


def all_in(folder: Store, *, verify: bool = False) -> list[Facts]:
    """Of every checkpoint folder in an output folder, oldest first, whole or not. Raises StorageError.

    The best is what the newest whole one knows as the best: each was it when it was saved, perhaps.
    """
    found = [_numbered(folder, step, verify=verify) for step in oldest_first(folder)]
    known = next((one.best_step for one in reversed(found) if one.problem is None), None)
    return [one if one.best is None else replace(one, best=one.step == known) for one in found]


def _numbered(folder: Store, step: int, *, verify: bool) -> Facts:
    """Of the folder of that step: who looks for a checkpoint to go on from passes over one of another step."""
    place = folder.child(folder_name(step))
    try:
        found = facts_of(place, verify=verify)
    except PermissionRefused as error:
        return Facts(redact_whole_url(place.url), "unknown", problem=str(error))
    if found.problem is not None or found.step == step:
        return found
    return replace(found, problem=f"it is of step {found.step:,}, and its folder has the name of another")


def _holds_steps(checkpoint: Checkpoint) -> bool:
    """Whether optimizer and schedule are in it, in whatever format it is."""
    names = [file.name for file in checkpoint.manifest.files]
    return any(map(_OPTIMIZER.fullmatch, names)) and any(name in names for name in _SCHEDULE)


def _writer(checkpoint: Checkpoint) -> str:
    if isinstance(checkpoint, ForeignCheckpoint):
        return "transformers"
    origin = checkpoint.manifest.metadata.get("origin")
    return "trainspec" if origin is None else f"{origin}, imported"


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
