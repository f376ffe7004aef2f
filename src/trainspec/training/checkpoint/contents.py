"""What a training run needs to go on as if it had never stopped, as the files of a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from trainspec.text.bounded_json import parse_json
from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint.manifest import FULL_LAYOUT, CheckpointError, json_bytes
from trainspec.training.checkpoint.payload import Document, Encoded, Payload
from trainspec.training.checkpoint.ranks.names import (
    old_optimizer_file,
    optimizer_file,
    pieces_file,
)
from trainspec.training.checkpoint.ranks.rng import rng_file
from trainspec.training.checkpoint.ranks.values import of_rank
from trainspec.training.checkpoint.shards import WEIGHT_FILES, read_state, weights_in
from trainspec.training.checkpoint.states.files import (
    document_alone,
    read_document,
    read_tensors_and_rest,
    tensors_and_rest,
)
from trainspec.training.checkpoint.states.fitting import MisfitError, refuse_other_scaler, structure_problem
from trainspec.training.checkpoint.states.kinds import settings_problem, state_problem
from trainspec.training.checkpoint.weights import load_torch_bytes, model_files
from trainspec.training.state import (
    OWN_STATE_NAME,
    TRAINER_STATE_NAME,
    own_part,
    parse_state,
    shared_part,
    state_bytes,
)

if TYPE_CHECKING:
    from trainspec.training.checkpoint.load import Checkpoint

OPTIMIZER = "optimizer.safetensors"
# What of the optimizer's state is no tensor: its groups, numbers, and which tensor stands where.
OPTIMIZER_REST = "optimizer.json"
SCHEDULER = "scheduler.json"
SCALER = "scaler.json"
# The same in checkpoints of formats 1 and 2, and of transformers: torch files, which are read with weights_only.
TORCH_OPTIMIZER = "optimizer.pt"
TORCH_SCHEDULER = "scheduler.pt"
TORCH_SCALER = "scaler.pt"
TRAINER_STATE = TRAINER_STATE_NAME
# Beside it, so that transformers can read the other.
OWN_STATE = OWN_STATE_NAME
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

    Raises TypeError for weights that safetensors cannot hold, UnsavableError for a state that JSON cannot either.
    """
    files = dict(model_files(contents.model, save_safetensors=save_safetensors) if artifacts is None else artifacts)
    files[TRAINER_STATE] = Document(state_bytes(shared_part(contents.trainer_state)))
    files[OWN_STATE] = Document(state_bytes(own_part(contents.trainer_state)))
    # Plain data, whose text takes longer than they do themselves: a loop does not wait for a thread to write it.
    files[TRAINING_ARGS] = Encoded(partial(json_bytes, contents.training_args))
    files[RESOLVED_ARGS] = Encoded(partial(json_bytes, contents.resolved_args))
    if contents.optimizer is not None:
        files |= optimizer_files(contents.optimizer)
    states = {SCHEDULER: contents.scheduler, SCALER: contents.scaler}
    files |= {name: steps_file(name, state) for name, state in states.items() if state is not None}
    return files | {name: Document(state) for name, state in contents.rng.items()}


def optimizer_files(state: Mapping[str, Any]) -> dict[str, Payload]:
    """The files of an optimizer's whole state. Raises UnsavableError."""
    return tensors_and_rest(state, OPTIMIZER, OPTIMIZER_REST, "the optimizer's state")


def steps_file(name: str, state: Mapping[str, Any]) -> Document:
    """The file of a schedule's state, or of a loss scaler's. Raises UnsavableError."""
    return document_alone(state, "the schedule's state" if name == SCHEDULER else "the loss scaler's state")


def unpack(
    checkpoint: Checkpoint,
    *,
    with_model: bool = True,
    with_optimizer: bool = True,
    safe_types: Sequence[type] = (),
    rank: int = 0,
) -> Contents:
    """The parts of a checkpoint, tensors on the CPU; what was not saved is None, and so is what is not asked for.

    Of what each process wrote it is that of process `rank`. `safe_types` are classes that the optimizer's state may
    hold besides torch's own. Every file is compared with its checksum first. Raises CheckpointError for one that
    differs or is unsafe.
    """
    random = rng_file(rank, checkpoint.manifest.world_size)
    return Contents(
        model=load_model_state(checkpoint) if with_model else {},
        trainer_state=_trainer_state(checkpoint, rank),
        training_args=_read(checkpoint, TRAINING_ARGS, parse_json),
        resolved_args=resolved_args_of(checkpoint),
        optimizer=unpacked_optimizer(checkpoint, rank, safe_types) if with_optimizer else None,
        scheduler=_steps(checkpoint, SCHEDULER, TORCH_SCHEDULER),
        scaler=_scaler(checkpoint),
        rng={random: checkpoint.read(random)} if checkpoint.has(random) else {},
    )


def optimizer_of(checkpoint: Checkpoint, rank: int = 0) -> str:
    """The file with the optimizer's state: of all processes, or where it is dealt out, that of one."""
    size = checkpoint.manifest.world_size
    if checkpoint.manifest.layout["kind"] == FULL_LAYOUT["kind"]:
        now, then = OPTIMIZER, TORCH_OPTIMIZER
    else:
        now, then = optimizer_file(rank, size), old_optimizer_file(rank, size)
    return then if checkpoint.has(then) and not checkpoint.has(now) else now


def _rest_of(checkpoint: Checkpoint, rank: int) -> str:
    is_full = checkpoint.manifest.layout["kind"] == FULL_LAYOUT["kind"]
    return OPTIMIZER_REST if is_full else pieces_file(rank, checkpoint.manifest.world_size)


def schedule_of(checkpoint: Checkpoint) -> str:
    """The file with the schedule's state."""
    return TORCH_SCHEDULER if checkpoint.has(TORCH_SCHEDULER) and not checkpoint.has(SCHEDULER) else SCHEDULER


def _numbers_of_others(checkpoint: Checkpoint) -> Sequence[Any]:
    """The schedules of other programs may keep numbers of numpy."""
    from trainspec.training.foreign.checkpoint import is_of_others
    from trainspec.training.foreign.random_states import safe_globals

    return safe_globals() if is_of_others(checkpoint) else ()


def load_model_state(checkpoint: Checkpoint) -> dict[str, Any]:
    """A checkpoint's model state dict on the CPU, tied tensors under all their names: load it strictly.

    Raises CheckpointError for a missing, changed or unsafe file.
    """
    names = [file.name for file in checkpoint.manifest.files]
    weights = weights_in(names)
    if weights is None:
        raise CheckpointError(checkpoint.url, f"it holds none of {', '.join(WEIGHT_FILES)}")
    return read_state(weights, checkpoint.read, names, checkpoint.url)


def _trainer_state(checkpoint: Checkpoint, rank: int) -> dict[str, Any]:
    # Older checkpoints have all of it in one file.
    own = _read(checkpoint, OWN_STATE, parse_state) if checkpoint.has(OWN_STATE) else {}
    own = {name: of_rank(value, rank) for name, value in own.items()}
    document = {**_read(checkpoint, TRAINER_STATE, parse_state), **own}
    _refuse(checkpoint, TRAINER_STATE, state_problem(document))
    return document


def resolved_args_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """Every setting of the run that wrote it, with value and source; {} where it does not tell.

    Raises CheckpointError.
    """
    if not checkpoint.has(RESOLVED_ARGS):
        return {}
    document = _read(checkpoint, RESOLVED_ARGS, parse_json)
    _refuse(checkpoint, RESOLVED_ARGS, settings_problem(document))
    return document


def _refuse(checkpoint: Checkpoint, name: str, problem: str | None) -> None:
    if problem is not None:
        raise CheckpointError(checkpoint.url, f"{name} is damaged: {problem}")


def _read(checkpoint: Checkpoint, name: str, parse: Callable[[bytes], Any]) -> dict[str, Any]:
    data = checkpoint.read(name)
    try:
        document = parse(data)
    except (ValueError, TypeError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise CheckpointError(checkpoint.url, f"{name} is no JSON object")
    return document


def why_not_resumable(checkpoint: Checkpoint, *, loads_itself: bool = False, rank: int = 0) -> str | None:
    """The reason why training cannot go on from a checkpoint in process `rank`, None when it can.

    Where more processes go on than wrote it, those beyond need what the first ones need.

    `loads_itself`: the optimizer and its schedule are restored by somebody else, from whatever files.
    """
    needed = [TRAINER_STATE] if loads_itself else [TRAINER_STATE, *_of_steps(checkpoint, rank)]
    missing = [name for name in needed if not checkpoint.has(name)]
    if not missing:
        return None
    names = " and ".join(missing)
    return f"checkpoint {redact_whole_url(checkpoint.url)} holds no {names}; {checkpoint.without_state}"


def _of_steps(checkpoint: Checkpoint, rank: int) -> list[str]:
    rank %= checkpoint.manifest.world_size
    optimizer = optimizer_of(checkpoint, rank)
    rest = [] if optimizer.endswith(".pt") or not checkpoint.has(optimizer) else [_rest_of(checkpoint, rank)]
    return [optimizer, *rest, schedule_of(checkpoint)]


def unpacked_optimizer(checkpoint: Checkpoint, rank: int = 0, safe_types: Sequence[type] = ()) -> Any:
    """The optimizer's state, or what one process has of it; None where it was not saved. Raises as `unpack`."""
    name = optimizer_of(checkpoint, rank)
    if not checkpoint.has(name):
        return None
    if name.endswith(".pt"):
        state = _torch_state(checkpoint, name, safe_types)
    else:
        state = read_tensors_and_rest(checkpoint, name, _rest_of(checkpoint, rank), safe_types)
    _refuse(checkpoint, name, structure_problem(state))
    return state


def _steps(checkpoint: Checkpoint, name: str, torch_name: str) -> Any:
    """The state of a schedule or a scaler; None where there is none."""
    if checkpoint.has(name):
        state = read_document(checkpoint, name)
    elif checkpoint.has(torch_name):
        # The schedules of other programs may keep numbers of numpy.
        name, state = torch_name, _torch_state(checkpoint, torch_name, _numbers_of_others(checkpoint))
    else:
        return None
    if not isinstance(state, Mapping):
        raise CheckpointError(checkpoint.url, f"{name} is damaged: it holds no state")
    return state


def _scaler(checkpoint: Checkpoint) -> Any:
    state = _steps(checkpoint, SCALER, TORCH_SCALER)
    name = SCALER if checkpoint.has(SCALER) else TORCH_SCALER
    try:
        if state is not None:
            refuse_other_scaler(state, name)
    except MisfitError as error:
        raise CheckpointError(checkpoint.url, f"{name} is damaged: {error}") from None
    return state


def _torch_state(checkpoint: Checkpoint, name: str, safe_types: Sequence[Any] = ()) -> Any:
    with torch.serialization.safe_globals(list(safe_types)):
        return load_torch_bytes(checkpoint.read(name), name, checkpoint.url)
