"""A checkpoint that transformers wrote, with the files that one of ours would have.

Weights, optimizer, schedule and scaler lie in files of the same names, and are read where they are; the state, the
random states and the settings are translated when they are asked for. Nothing in a pickle is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainspec.storage import FileRecord, StorageError, Store
from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint.load import Checkpoint, folder_name, step_of
from trainspec.training.checkpoint.manifest import CheckpointError, Manifest, json_bytes
from trainspec.training.foreign.position import batches_in_epoch
from trainspec.training.state import OWN_STATE_NAME, TRAINER_STATE_NAME, parse_state, shared_part, state_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

ORIGIN = "transformers"
ARGUMENTS = "training_args.bin"
OWN_ARGUMENTS, OWN_RESOLVED, OWN_RANDOM = "training_args.json", "resolved_args.json", "rng_state.json"
_RANDOM = re.compile(r"rng_state(_[0-9]+)?\.pth")
_OWN_RANDOM = re.compile(r"rng_state(_[0-9]+)?\.json")
# Whose pieces only the program that wrote them can put together again, and how that is done.
_IN_PIECES = (
    (re.compile(r"global_step[0-9]+/"), "DeepSpeed", "its own zero_to_fp32.py makes one file of weights of them"),
    (
        re.compile(r"(pytorch_model_fsdp|optimizer|distcp)(_[0-9]+)?/"),
        "FSDP",
        "`accelerate merge-weights` makes one file of weights of them",
    ),
    # Both in one file each.
    (re.compile(r"pytorch_model_fsdp\.bin"), "FSDP", "save with fsdp_state_dict_type FULL_STATE_DICT and safetensors"),
)
# Of what a run goes on with: its types, and the least that a number may be.
_KINDS: dict[str, tuple[tuple[type, ...], float | None]] = {
    "log_history": ((list,), None),
    "stateful_callbacks": ((dict,), None),
    "best_model_checkpoint": ((str,), None),
    "best_metric": ((int, float), None),
    "best_global_step": ((int,), 0),
    "train_batch_size": ((int,), 0),
    "total_flos": ((int, float), None),
    "num_input_tokens_seen": ((int, float), None),
}


@dataclass(frozen=True)
class ForeignCheckpoint(Checkpoint):
    """One of transformers; `manifest` is as ours would be, but for checksums, which there are none of."""

    def read(self, name: str) -> bytes:
        """A file as it is, or translated. Raises CheckpointError for one that is missing or cannot be understood."""
        self._record(name)
        if name == TRAINER_STATE_NAME:
            return self._state()
        if name == OWN_STATE_NAME:
            return state_bytes({})
        if name == OWN_ARGUMENTS:
            return json_bytes(self.arguments)
        return self._random_states(name) if _OWN_RANDOM.fullmatch(name) else self.store.read_bytes(name)

    @contextmanager
    def local_file(self, name: str) -> Iterator[Path]:
        self._record(name)
        with self.store.local_copy(name) as path:
            yield path

    def verify(self) -> None:
        """There are no checksums; what can be seen of sizes and ends was, when it was opened."""

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The files as transformers named them."""
        return tuple(entry.name for entry in self.store.entries())

    @property
    def without_state(self) -> str:
        """Why it lacks what training needs to go on, and what can be done."""
        pieces = self.pieces
        if pieces is None:
            return super().without_state
        whose, remedy = pieces
        return f"{whose} wrote them in pieces, each process its own; {remedy}, which a new run can start from"

    @property
    def pieces(self) -> tuple[str, str] | None:
        """Who cut the state into pieces, and what can be done; None where it is whole."""
        for pattern, whose, remedy in _IN_PIECES:
            if any(pattern.match(name) for name in self.files):
                return whose, remedy
        return None

    @property
    def world_size(self) -> int:
        """How many processes wrote it, each of which kept its random states."""
        return max(1, sum(_RANDOM.fullmatch(name) is not None for name in self.files))

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """The settings that differ from their defaults, without secrets; {} where they are not there or unreadable."""
        return self._arguments[0]

    @property
    def unread_arguments(self) -> str | None:
        """Why its settings could not be read; None where they were, or are not there."""
        return self._arguments[1]

    @cached_property
    def _arguments(self) -> tuple[dict[str, Any], str | None]:
        from trainspec.migration.pickles import Refused, read_training_args

        if ARGUMENTS not in self.files:
            return {}, None
        try:
            found = read_training_args(self.store.read_bytes(ARGUMENTS), ARGUMENTS).values
        except Refused as error:
            return {}, str(error)
        return {
            name: redact_whole_url(value) if isinstance(value, str) else value for name, value in found.items()
        }, None

    @cached_property
    def state(self) -> dict[str, Any]:
        """What trainer_state.json says. Raises CheckpointError."""
        return read_state_of(self.store)

    @cached_property
    def position(self) -> dict[str, Any]:
        """The place in the data as its numbers tell it: epochs that are over, and rows of the next one."""
        size = self.state.get("train_batch_size") or self._number("per_device_train_batch_size", 8)
        accumulation = self._number("gradient_accumulation_steps", 1)
        epoch, batches = batches_in_epoch(self.state["global_step"], float(self.state.get("epoch") or 0), accumulation)
        return {"epoch": epoch, "rows": batches * size * self.world_size}

    def _number(self, name: str, fallback: int) -> int:
        """A positive whole number among the settings; one that is none was no setting of a run."""
        value = self.arguments.get(name)
        return value if type(value) is int and value > 0 else fallback

    def _state(self) -> bytes:
        best = self.state.get("best_model_checkpoint")
        step = step_of(best) if isinstance(best, str) else None
        known = {"best_global_step": step, **{key: value for key, value in self.state.items() if value is not None}}
        # It may have been moved since with all that lies beside it.
        if step is not None and step_of(self.url) is not None:
            known["best_model_checkpoint"] = re.sub(r"[^/\\]+$", folder_name(step), self.url.rstrip("/\\"))
        return state_bytes(shared_part(known))

    def _random_states(self, own: str) -> bytes:
        from trainspec.training.foreign.random_states import translated

        name = own.replace(".json", ".pth")
        return translated(self.store.read_bytes(name), name, self.url)


def recognised(store: Store) -> ForeignCheckpoint | None:
    """The checkpoint of transformers in a folder; None where there is none.

    One of ours whose saving was cut off is none. Raises CheckpointError for one that is damaged, and StorageError.
    """
    entries = {entry.name: entry.size for entry in store.entries()}
    names = set(entries)
    if TRAINER_STATE_NAME not in names or names & {OWN_STATE_NAME, OWN_ARGUMENTS, OWN_RESOLVED, OWN_RANDOM}:
        return None
    random = [name for name in names if _RANDOM.fullmatch(name)]
    if ARGUMENTS not in names and not random:
        return None
    made = {OWN_STATE_NAME: 0, OWN_ARGUMENTS: 0, **{name.replace(".pth", ".json"): 0 for name in random}}
    listed = {**{name: size for name, size in entries.items() if name not in (ARGUMENTS, *random)}, **made}
    files = tuple(sorted(FileRecord(name, size, "") for name, size in listed.items()))
    step = read_state_of(store)["global_step"]
    origin: Mapping[str, Any] = {"origin": ORIGIN}
    draft = ForeignCheckpoint(store, Manifest(step, files, origin))
    return ForeignCheckpoint(store, Manifest(step, files, origin, draft.world_size, data=draft.position))


def read_state_of(store: Store) -> dict[str, Any]:
    """The document in its trainer_state.json. Raises CheckpointError where it is none."""
    try:
        state = parse_state(store.read_bytes(TRAINER_STATE_NAME))
    except (ValueError, TypeError, RecursionError):
        raise CheckpointError(store.url, f"{TRAINER_STATE_NAME} is no JSON object") from None
    step, epoch = state.get("global_step"), state.get("epoch")
    if type(step) is not int or step < 0 or not isinstance(epoch, int | float | None) or not 0 <= (epoch or 0) < 1e9:
        raise CheckpointError(store.url, f"{TRAINER_STATE_NAME} does not say how far the run was")
    odd = [name for name, (kinds, least) in _KINDS.items() if not _is_of(state.get(name), kinds, least)]
    if odd:
        raise CheckpointError(store.url, f"{TRAINER_STATE_NAME} has no {odd[0]} that a run could have written")
    if not all(isinstance(entry, dict) for entry in state.get("log_history") or ()):
        raise CheckpointError(store.url, f"{TRAINER_STATE_NAME} has a log_history of something else than objects")
    return state


def _is_of(value: Any, kinds: tuple[type, ...], least: float | None) -> bool:
    if value is None:
        return True
    known = isinstance(value, kinds) and not isinstance(value, bool)
    return known and (least is None or not value < least)


def is_piece(name: str) -> bool:
    """Whether a file is of use to the program alone that cut a state into pieces."""
    return any(pattern.match(name) for pattern, _, _ in _IN_PIECES) or name in ("latest", "zero_to_fp32.py")


def is_of_others(checkpoint: Checkpoint | None) -> bool:
    """Whether its optimizer and schedule are those of transformers, also where it was imported since."""
    return checkpoint is not None and checkpoint.manifest.metadata.get("origin") == ORIGIN


def is_foreign(store: Store) -> bool:
    """Whether a folder is a checkpoint of transformers, whole or not. Raises StorageError."""
    try:
        return recognised(store) is not None
    except CheckpointError:
        return True
    except StorageError:
        raise
