"""Where two checkpoints differ: how far each had come, their settings, their weights, and their other files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trainspec.answers.checkpoints.tensors import Stored
from trainspec.answers.checkpoints.weights import weight_files, weights_of
from trainspec.text.bounded_json import parse_json
from trainspec.text.redaction import show_value
from trainspec.training.checkpoint.manifest import CheckpointError, fingerprint
from trainspec.training.foreign.facts import Facts, facts_of

if TYPE_CHECKING:
    from trainspec.training.checkpoint.load import Checkpoint

_SETTINGS, _SAID = "resolved_args.json", "training_args.json"
_FACTS = ("step", "epoch", "written_by", "resumable", "best_metric")


@dataclass(frozen=True)
class Value:
    """Something that both have, each with another value; None where one has none."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True)
class TensorChange:
    """A tensor that is not the same: its dtype and shape on both sides, None where it is not there.

    `largest` is the largest absolute difference of two numbers, `relative` the norm of all differences over the norm of
    A's numbers; None where shapes differ or torch is not there to tell.
    """

    name: str
    a: str | None
    b: str | None
    largest: float | None = None
    relative: float | None = None


@dataclass(frozen=True)
class Comparison:
    """What differs. `equal_tensors` counts those that are the same byte for byte; `files` are all others that differ.

    `measured` tells whether torch was there to say how far tensors lie apart.
    """

    a: str
    b: str
    facts: tuple[Value, ...]
    settings: tuple[Value, ...]
    tensors: tuple[TensorChange, ...]
    equal_tensors: int
    files: tuple[str, ...]
    measured: bool

    @property
    def same(self) -> bool:
        """Whether weights and settings are; where and when they were saved makes no difference."""
        return not self.tensors and not self.settings

    def to_dict(self) -> dict[str, Any]:
        return {"same": self.same, **asdict(self)}


def compare_checkpoints(a: Checkpoint, b: Checkpoint) -> Comparison:
    """All differences; every file is compared with what was written first. Raises CheckpointError, StorageError."""
    sides = facts_of(a.store), facts_of(b.store)
    with weights_of(a) as of_a, weights_of(b) as of_b:
        tensors = [{name: one for each in of.values() for name, one in each.tensors.items()} for of in (of_a, of_b)]
        differing = dict(_differing(*tensors))
        changes, measured = _changes(differing)
    return Comparison(
        sides[0].path,
        sides[1].path,
        tuple(_facts(*sides)),
        tuple(_settings(a, b)),
        tuple(changes),
        len(tensors[0].keys() & tensors[1].keys()) - sum(None not in pair for pair in differing.values()),
        tuple(_files(a, b)),
        measured,
    )


def _facts(a: Facts, b: Facts) -> Iterator[Value]:
    for name in _FACTS:
        ours, theirs = getattr(a, name), getattr(b, name)
        if ours != theirs:
            yield Value(name, ours, theirs)


def _settings(a: Checkpoint, b: Checkpoint) -> Iterator[Value]:
    ours, theirs = (_settings_in(each) for each in (a, b))
    for name in dict.fromkeys((*ours, *theirs)):
        if ours.get(name) != theirs.get(name):
            yield Value(name, show_value(name, ours.get(name)), show_value(name, theirs.get(name)))


def _settings_in(checkpoint: Checkpoint) -> Mapping[str, Any]:
    """The value of each setting; of a checkpoint of transformers those that were said."""
    name = _SETTINGS if checkpoint.has(_SETTINGS) else _SAID
    if not checkpoint.has(name):
        return {}
    try:
        document = parse_json(checkpoint.read(name))
        whole = name == _SETTINGS
        return {str(key): value["value"] if whole else value for key, value in document.items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        raise CheckpointError(checkpoint.url, f"{name} is damaged") from None


def _differing(a: Mapping[str, Stored], b: Mapping[str, Stored]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name in sorted({*a, *b}):
        ours, theirs = a.get(name), b.get(name)
        if ours is None or theirs is None or ours.described != theirs.described or _content_differs(ours, theirs):
            yield name, (ours, theirs)


def _content_differs(a: Stored, b: Stored) -> bool:
    # Both come in pieces of the same size.
    return any(ours != theirs for ours, theirs in zip(a.pieces(), b.pieces(), strict=True))


def _distance() -> Callable[..., Any] | None:
    """How far apart values are; None where torch is missing."""
    try:
        from trainspec.training.checkpoint.states.comparing import distance
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("trainspec"):
            raise
        return None
    return distance


def _changes(differing: Mapping[str, tuple[Stored | None, Stored | None]]) -> tuple[list[TensorChange], bool]:
    distance, changes = _distance(), []
    for name, (ours, theirs) in differing.items():
        apart = None
        if distance is not None and ours is not None and theirs is not None and ours.shape == theirs.shape:
            apart = distance(ours.pieces(), theirs.pieces(), (ours.dtype, theirs.dtype))
        kinds = [None if side is None else side.described for side in (ours, theirs)]
        largest, relative = (None, None) if apart is None else (apart.largest, apart.relative)
        changes.append(TensorChange(name, kinds[0], kinds[1], largest, relative))
    return changes, distance is not None


def _files(a: Checkpoint, b: Checkpoint) -> list[str]:
    ours, theirs = (_checksums(each) for each in (a, b))
    return sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))


def _checksums(checkpoint: Checkpoint) -> dict[str, str]:
    """Of all files but the weights; those of transformers have none of their own."""
    found = {}
    for file in (file for file in checkpoint.manifest.files if file.name not in weight_files(checkpoint)):
        if file.sha256:
            found[file.name] = file.sha256
        else:
            found[file.name] = fingerprint(file.name, checkpoint.read(file.name)).sha256
    return found
