"""What a training run needs to go on as if it had never stopped, as the files of a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint.manifest import CheckpointError, json_bytes
from trainspec.training.checkpoint.payload import Document, Payload
from trainspec.training.checkpoint.tensor_files import TorchFile
from trainspec.training.checkpoint.weights import load_model_state, load_torch_bytes, model_files
from trainspec.training.state import TRAINER_STATE_NAME, parse_state, state_bytes

if TYPE_CHECKING:
    from trainspec.training.checkpoint.load import Checkpoint

OPTIMIZER = "optimizer.pt"
SCHEDULER = "scheduler.pt"
SCALER = "scaler.pt"
TRAINER_STATE = TRAINER_STATE_NAME
TRAINING_ARGS = "training_args.json"
RESOLVED_ARGS = "resolved_args.json"


@dataclass(frozen=True)
class Contents:
    """The parts of a checkpoint: state dicts as torch gives them, and three JSON documents.

    `training_args` is what the user said of the settings, `resolved_args` every setting with the value that held and
    where it came from; neither holds a secret. A part that is None is not saved.
    """

    model: Mapping[str, Any]
    trainer_state: Mapping[str, Any] = field(default_factory=dict)
    training_args: Mapping[str, Any] = field(default_factory=dict)
    resolved_args: Mapping[str, Any] = field(default_factory=dict)
    optimizer: Mapping[str, Any] | None = None
    scheduler: Mapping[str, Any] | None = None
    scaler: Mapping[str, Any] | None = None
    rng: Mapping[str, bytes] = field(default_factory=dict)


def pack(
    contents: Contents, *, save_safetensors: bool = True, artifacts: Mapping[str, Payload] | None = None
) -> dict[str, Payload]:
    """The files of a checkpoint, by name; `artifacts` are the model's, where it takes more than its weights.

    Raises TypeError for weights that safetensors cannot hold.
    """
    files = dict(model_files(contents.model, save_safetensors=save_safetensors) if artifacts is None else artifacts)
    files[TRAINER_STATE] = Document(state_bytes(contents.trainer_state))
    files[TRAINING_ARGS] = Document(json_bytes(contents.training_args))
    files[RESOLVED_ARGS] = Document(json_bytes(contents.resolved_args))
    states = {OPTIMIZER: contents.optimizer, SCHEDULER: contents.scheduler, SCALER: contents.scaler}
    files |= {name: TorchFile(state) for name, state in states.items() if state is not None}
    return files | {name: Document(state) for name, state in contents.rng.items()}


def unpack(checkpoint: Checkpoint, *, with_model: bool = True, safe_types: Sequence[type] = ()) -> Contents:
    """The parts of a checkpoint, tensors on the CPU; what was not saved is None, and so is a model not asked for.

    `safe_types` are classes that the optimizer's state may hold besides torch's own. Every file is compared with its
    checksum first. Raises CheckpointError for one that differs or is unsafe.
    """
    return Contents(
        model=load_model_state(checkpoint) if with_model else {},
        trainer_state=_read(checkpoint, TRAINER_STATE, parse_state),
        training_args=_read(checkpoint, TRAINING_ARGS, json.loads),
        resolved_args=_read(checkpoint, RESOLVED_ARGS, json.loads) if checkpoint.has(RESOLVED_ARGS) else {},
        optimizer=_state(checkpoint, OPTIMIZER, safe_types),
        scheduler=_state(checkpoint, SCHEDULER),
        scaler=_state(checkpoint, SCALER),
        rng={f.name: checkpoint.read(f.name) for f in checkpoint.manifest.files if f.name.startswith("rng_state")},
    )


def _read(checkpoint: Checkpoint, name: str, parse: Callable[[bytes], Any]) -> dict[str, Any]:
    data = checkpoint.read(name)
    try:
        document = parse(data)
    except (ValueError, TypeError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise CheckpointError(checkpoint.url, f"{name} is no JSON object")
    return document


def why_not_resumable(checkpoint: Checkpoint, *, loads_itself: bool = False) -> str | None:
    """The reason why training cannot go on from a checkpoint, None when it can.

    `loads_itself`: the optimizer and its schedule are restored by somebody else, from whatever files.
    """
    needed = (TRAINER_STATE,) if loads_itself else (TRAINER_STATE, OPTIMIZER, SCHEDULER)
    missing = [name for name in needed if not checkpoint.has(name)]
    if not missing:
        return None
    names = " and ".join(missing)
    reason = "it was saved with save_only_model, or by another program"
    return f"checkpoint {redact_whole_url(checkpoint.url)} holds no {names}; {reason}"


def _state(checkpoint: Checkpoint, name: str, safe_types: Sequence[type] = ()) -> Any:
    if not checkpoint.has(name):
        return None
    with torch.serialization.safe_globals(list(safe_types)):
        return load_torch_bytes(checkpoint.read(name), name, checkpoint.url)
