"""Checkpoints of transformers copied into checkpoints of ours, with a finding for each part that stays behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from trainspec.settings.diagnostics import Diagnostic, errors_of
from trainspec.storage import NotFound, Store
from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint import CheckpointError, Snapshot, make_room, publish, write
from trainspec.training.checkpoint.contents import TORCH_OPTIMIZER, TORCH_SCALER, TORCH_SCHEDULER
from trainspec.training.checkpoint.load import checkpoint_folders, folder_name
from trainspec.training.checkpoint.manifest import MANIFEST
from trainspec.training.checkpoint.payload import Document
from trainspec.training.checkpoint.shards import verify_state, weights_in
from trainspec.training.checkpoint.weights import load_torch_bytes
from trainspec.training.foreign.checkpoint import ForeignCheckpoint, is_piece, recognised
from trainspec.training.foreign.judging import about, read_part, unread_settings, without_random_states
from trainspec.training.foreign.optimizer_state import ForeignOptimizerError, refuse_no_state
from trainspec.training.foreign.others import why_not_imported
from trainspec.training.foreign.weights_alone import WeightsAlone, weights_alone
from trainspec.training.foreign.wholeness import refuse_cut_off
from trainspec.training.state import TRAINER_STATE_NAME, parse_state, state_bytes

if TYPE_CHECKING:
    from torch import Tensor

_TRANSLATED = ("trainer_state.json", "trainspec_state.json", "training_args.json", "rng_state")


@dataclass(frozen=True)
class Imported:
    """What became of one checkpoint: where it is now (None: nowhere), and what could not be taken over."""

    source: str
    step: int | None
    target: str | None
    resumable: bool
    findings: tuple[Diagnostic, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "source": self.source,
            "step": self.step,
            "target": self.target,
            "resumable": self.resumable,
            "diagnostics": [item.to_dict() for item in self.findings],
        }


@dataclass(frozen=True)
class _Stored:
    """The content of a file in a store, never whole in memory."""

    store: Store
    name: str

    def write(self, file: BinaryIO) -> None:
        with self.store.local_copy(self.name) as path, path.open("rb") as original:
            shutil.copyfileobj(original, file, 1 << 20)

    def copied(self, copy: Callable[[Tensor], Tensor]) -> _Stored:
        return self


def import_checkpoints(source: Store, target: Store, *, replace_old: bool = False) -> Iterator[Imported]:
    """Every checkpoint in the folder `source`, or the one it is, as checkpoints of ours in the output folder `target`.

    With `replace_old`, over what is there. Raises CheckpointError where there is none to import, and StorageError.
    """
    stores = [source.child(folder_name(step)) for step in checkpoint_folders(source)]
    foreign = [store for store in stores if not store.exists(MANIFEST) and _looks_foreign(store)]
    # An output folder often holds the finished model too, which is no reason to leave its checkpoints behind.
    found = None if foreign else _checkpoint(source)
    if found is not None:
        yield _imported(found, target, replace_old)
        return
    alone = None if foreign or stores or source.exists(MANIFEST) else _weights_alone(source)
    if alone is not None:
        yield _imported_weights(source, alone, target, replace_old)
        return
    if not foreign:
        raise CheckpointError(source.url, _nothing_to_import(source, stores))
    for store in foreign:
        try:
            checkpoint = _checkpoint(store)
        except CheckpointError as error:
            yield Imported(store.url, None, None, False, (_damaged(error),))
            continue
        if checkpoint is not None:
            yield _imported(checkpoint, target, replace_old)


def _nothing_to_import(source: Store, stores: Sequence[Store]) -> str:
    if source.exists(MANIFEST) or any(store.exists(MANIFEST) for store in stores):
        return "it is one of trainspec already"
    if not source.exists():
        return "there is no such folder"
    known = why_not_imported(entry.name for entry in source.entries())
    return known or "it is no checkpoint of transformers, and holds none"


def _weights_alone(source: Store) -> WeightsAlone | None:
    try:
        return weights_alone(source)
    except NotFound:
        return None


def _imported_weights(source: Store, alone: WeightsAlone, target: Store, replace_old: bool) -> Imported:
    """A checkpoint from which a new run can begin, and none can go on."""
    where = target.child(folder_name(alone.step))
    if where.exists(MANIFEST) and not replace_old:
        return Imported(source.url, alone.step, None, False, (_there_already(source, where),))
    files: dict[str, Any] = {name: _Stored(source, name) for name in alone.copied} | alone.made
    snapshot = Snapshot(alone.step, files, metadata={"best": False, "best_metric": None})
    make_room(snapshot.step, target)
    published = publish(snapshot, write(snapshot, target), target).url
    told = about(source, "RUN111", "training cannot go on from it", reason=alone.reason)
    return Imported(source.url, alone.step, published, False, (told,))


def _looks_foreign(store: Store) -> bool:
    try:
        return recognised(store) is not None
    except CheckpointError:
        return True


def _checkpoint(store: Store) -> ForeignCheckpoint | None:
    try:
        return None if store.exists(MANIFEST) else recognised(store)
    except NotFound:
        return None


def _damaged(error: CheckpointError) -> Diagnostic:
    from trainspec.settings.diagnostics import finding
    from trainspec.settings.diagnostics.preflight_codes import PREFLIGHT_CODES

    known = PREFLIGHT_CODES["RUN221"]
    return finding("RUN221", known.name, "the checkpoint is damaged", reason=str(error), remedy=known.fix)


def _imported(checkpoint: ForeignCheckpoint, target: Store, replace_old: bool) -> Imported:
    where = target.child(folder_name(checkpoint.step))
    nothing = Imported(checkpoint.url, checkpoint.step, None, False, ())
    if where.exists(MANIFEST) and not replace_old:
        return replace(nothing, findings=(_there_already(checkpoint, where),))
    findings = list(_refused_weights(checkpoint))
    if errors_of(findings):
        return replace(nothing, findings=tuple(findings))
    refused = list(_refused_states(checkpoint))
    findings += [*unread_settings(checkpoint), *without_random_states(checkpoint), *(item for _, item in refused)]
    names = [file.name for file in checkpoint.manifest.files if not is_piece(file.name)]
    kept = [name for name in names if name not in {name for name, _ in refused}]
    resumable = TORCH_OPTIMIZER in kept and TORCH_SCHEDULER in kept
    if not resumable and not refused:
        reason = f"it holds no {TORCH_OPTIMIZER} or no {TORCH_SCHEDULER}; {checkpoint.without_state}"
        findings.append(about(checkpoint, "RUN111", "training cannot go on from it", reason=reason))
    published = _published(checkpoint, kept, target)
    return Imported(checkpoint.url, checkpoint.step, published, resumable, tuple(findings))


def _published(checkpoint: ForeignCheckpoint, names: list[str], target: Store) -> str:
    state = parse_state(checkpoint.read(TRAINER_STATE_NAME))
    is_best = state.get("best_global_step") == checkpoint.step
    if state.get("best_global_step") is not None:
        state["best_model_checkpoint"] = target.child(folder_name(state["best_global_step"])).url
    files: dict[str, Any] = {
        name: Document(checkpoint.read(name)) if name.startswith(_TRANSLATED) else _Stored(checkpoint.store, name)
        for name in names
    }
    files[TRAINER_STATE_NAME] = Document(state_bytes(state))
    manifest = checkpoint.manifest
    snapshot = Snapshot(
        checkpoint.step,
        files,
        metadata={**manifest.metadata, "best": is_best, "best_metric": state.get("best_metric")},
        data=manifest.data,
        world_size=manifest.world_size,
    )
    make_room(snapshot.step, target)
    return publish(snapshot, write(snapshot, target), target).url


def _there_already(checkpoint: ForeignCheckpoint | Store, where: Store) -> Diagnostic:
    reason = f"{redact_whole_url(where.url)} is there already"
    remedy = "pass --force to replace it, or name another folder"
    return about(checkpoint, "RUN221", "it is not imported", reason=reason, remedy=remedy, severity="error")


def _refused_weights(checkpoint: ForeignCheckpoint) -> Iterator[Diagnostic]:
    files = [name for name in checkpoint.files if name.rpartition("/")[2].startswith("adapter_model.")]
    whole = weights_in(checkpoint.files)
    try:
        refuse_cut_off(checkpoint)
        for name in [whole] if whole is not None else files:
            verify_state(name, checkpoint.store.read_bytes, checkpoint.files, checkpoint.url)
        reason = None if whole is not None or files else _no_weights(checkpoint)
    except CheckpointError as error:
        reason = error.problem
    if reason is not None:
        yield about(checkpoint, "RUN221", "its weights cannot be taken over", reason=reason, severity="error")


def _no_weights(checkpoint: ForeignCheckpoint) -> str:
    pieces = checkpoint.pieces
    return "there is no file of weights" if pieces is None else f"{pieces[0]} wrote them in pieces; {pieces[1]}"


def _refused_states(checkpoint: ForeignCheckpoint) -> Iterator[tuple[str, Diagnostic]]:
    """The files of a run's state that cannot be understood, which stay behind."""
    names = [file.name for file in checkpoint.manifest.files]
    for name in [
        TORCH_OPTIMIZER,
        TORCH_SCHEDULER,
        TORCH_SCALER,
        *(name for name in names if name.startswith("rng_state")),
    ]:
        if name not in names:
            continue
        try:
            if name == TORCH_OPTIMIZER:
                refuse_no_state(load_torch_bytes(checkpoint.read(name), name, checkpoint.url))
            else:
                read_part(checkpoint, name)
        except (CheckpointError, ForeignOptimizerError) as error:
            reason = error.problem if isinstance(error, CheckpointError) else str(error)
            shown = name.replace(".json", ".pth")
            yield name, about(checkpoint, "RUN221", f"{shown} is not taken over", reason=reason, severity="error")
