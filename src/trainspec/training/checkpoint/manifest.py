"""The list of what a checkpoint consists of; where there is none, there is no checkpoint."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainspec.storage import Entry, FileRecord, StorageError
from trainspec.text.bounded_json import parse_json
from trainspec.text.redaction import printable, redact_reason, redact_whole_url, shortened
from trainspec.training.checkpoint.states.kinds import position_problem

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"
FORMAT = 3
# Of those that a checkpoint tells of: who goes back more often has other troubles.
_MOST_TURNS = 1000
_MOST, _MOST_PROCESSES, _LONGEST_NAME = 2**53, 1 << 20, 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_WITH_TENSORS = 3
# By which a manifest knows itself again; those of before it had none.
_CHECKSUM = "checksum"
_KEYS = {"format", "global_step", "world_size", "layout", "data", "versions", "metadata", "files", _CHECKSUM}
# What is read and hashed at once.
_PIECE = 1 << 20
# How the weights lie in the files: each tensor whole, in one file of one process.
FULL_LAYOUT: Mapping[str, Any] = {"kind": "full"}


_SCREEN = 1600


class CheckpointError(Exception):
    """A checkpoint that cannot be used: `where` is its URL, `problem` says what is wrong with it; both are redacted."""

    def __init__(self, where: str, problem: str) -> None:
        self.where = printable(redact_whole_url(where))
        # Parts of it may be quoted from a file that somebody else wrote.
        self.problem = shortened(printable(redact_reason(problem, where)), _SCREEN)
        super().__init__(f"checkpoint {self.where}: {self.problem}")

    def __reduce__(self) -> tuple[type[CheckpointError], tuple[str, str]]:
        return type(self), (self.where, self.problem)


@dataclass(frozen=True, slots=True)
class Branch:
    """On which branch of an output folder a checkpoint lies: how often training had gone back there before it.

    `came_from`: branch and step of each checkpoint that it went back to on the way, the last one at the end. Empty on
    the first branch, and where nobody noted it.
    """

    number: int = 0
    came_from: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Branch:
        """As `described` writes it. Those of before there were any, and of others, are of the first."""
        number, came_from = said.get("branch"), said.get("came_from")
        if type(number) is not int or not 0 < number <= _MOST:
            return cls()
        pairs = came_from if isinstance(came_from, list) else []
        known = all(isinstance(pair, list) and [*map(type, pair)] == [int, int] for pair in pairs)
        return cls(number, tuple((before, step) for before, step in pairs) if known else ())

    def described(self) -> dict[str, Any]:
        """Nothing where there is nothing to tell: most runs never go back."""
        if not self.number:
            return {}
        return {"branch": self.number, "came_from": [[*pair] for pair in self.came_from]}

    def begun_at(self, step: int, number: int) -> Branch:
        """The branch of that number, of who goes back to the checkpoint of `step` on this one."""
        return Branch(number, (*self.came_from, (self.number, step))[-_MOST_TURNS:])

    def goes_through(self, number: int, step: int) -> bool:
        """Whether the checkpoint of `step` on the branch of that number is on the way here, and was not left behind."""
        if number == self.number or not self.came_from:
            return True
        return any(number == before and step <= turn for before, turn in self.came_from)


@dataclass(frozen=True)
class Manifest:
    """A complete checkpoint: the number of finished updates, every file, and what else is good to know.

    `metadata` is small and plain JSON: `metrics`, `best` (whether it was the best when saved),
    `trainspec_version`, `save_runtime` (seconds that saving took, where they were counted). Numbers in it that JSON
    does not know (nan, inf) are written as null. `world_size` processes wrote it, `layout` says how weights lie in the
    files (`kind` first of all), `data` is the position in the training data, None where it is not known: format 1 had
    none of the three. Since format 3 `versions` are those of the packages that wrote it, `tensors` the dtype and shape
    of each tensor by file, of those that its publisher wrote.
    """

    step: int
    files: tuple[FileRecord, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    world_size: int = 1
    layout: Mapping[str, Any] = field(default_factory=lambda: FULL_LAYOUT)
    data: Mapping[str, Any] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    tensors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def record(self, name: str) -> FileRecord | None:
        """The record of a file, None when the checkpoint has no such file."""
        return next((file for file in self.files if file.name == name), None)

    def to_bytes(self) -> bytes:
        """The manifest as the JSON that `parse` reads."""
        return json_bytes(
            with_checksum(
                {
                    "format": FORMAT,
                    "global_step": self.step,
                    "world_size": self.world_size,
                    "layout": self.layout,
                    "data": self.data,
                    "versions": self.versions,
                    "metadata": self.metadata,
                    "files": [self._described(file) for file in self.files],
                }
            )
        )

    def _described(self, file: FileRecord) -> dict[str, Any]:
        described: dict[str, Any] = {"name": file.name, "size": file.size, "sha256": file.sha256}
        return described | ({"tensors": self.tensors[file.name]} if file.name in self.tensors else {})


def with_checksum(document: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest's document with the checksum of all else in it, in the place of one that it has."""
    rest = {key: value for key, value in document.items() if key != _CHECKSUM}
    return {**rest, _CHECKSUM: hashlib.sha256(json_bytes(rest)).hexdigest()}


def fingerprint(name: str, content: bytes | Path, over: Callable[[], bool] = bool) -> FileRecord:
    """The record of a file from its content. Raises StorageError when a local file cannot be read.

    Once `over` says that nobody waits for it, no more of the file is read, and the record is worth nothing.
    """
    if isinstance(content, bytes):
        return FileRecord(name, len(content), hashlib.sha256(content).hexdigest())
    digest, size, buffer = hashlib.sha256(), 0, memoryview(bytearray(_PIECE))
    try:
        with content.open("rb", buffering=0) as file:
            while not over() and (count := file.readinto(buffer)):
                digest.update(buffer[:count])
                size += count
            return FileRecord(name, size, digest.hexdigest())
    except OSError as cause:
        raise StorageError(str(content), "read", cause.strerror or str(cause), cause) from None


def parse(data: bytes, where: str) -> Manifest:
    """The manifest in `data`. Raises CheckpointError for what is no manifest, or one of a newer trainspec."""
    try:
        document = parse_json(data)
        if document["format"] not in range(1, FORMAT + 1):
            raise CheckpointError(where, _other_format(document["format"]))
        if document["format"] >= _WITH_TENSORS and not _is_as_written(document):
            raise CheckpointError(where, f"its {MANIFEST} is damaged")
        files = tuple(sorted(FileRecord(f["name"], f["size"], f["sha256"]) for f in document["files"]))
        later = {} if document["format"] == 1 else {name: document[name] for name in ("world_size", "layout", "data")}
        later |= {} if document["format"] < _WITH_TENSORS else _of_format_3(document)
        manifest = Manifest(document["global_step"], files, document["metadata"], **later)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise CheckpointError(where, f"its {MANIFEST} is damaged") from None
    if not _plausible(manifest):
        raise CheckpointError(where, f"its {MANIFEST} is damaged")
    return manifest


def _is_as_written(document: Mapping[str, Any]) -> bool:
    """Whether nothing in it has changed, the name of the checksum included."""
    return document.keys() <= _KEYS and (_CHECKSUM not in document or document == with_checksum(document))


def _of_format_3(document: Mapping[str, Any]) -> dict[str, Any]:
    tensors = {file["name"]: file["tensors"] for file in document["files"] if "tensors" in file}
    return {"versions": document["versions"], "tensors": tensors}


def size_problem(manifest: Manifest, entries: Iterable[Entry]) -> str | None:
    """What is wrong with the stored files judged by their sizes; None when all are there and whole."""
    sizes = {entry.name: entry.size for entry in entries}
    for file in manifest.files:
        if file.name not in sizes:
            return f"{file.name} is missing"
        if sizes[file.name] != file.size:
            return f"{file.name} has {sizes[file.name]:,} bytes, {file.size:,} were written"
    return None


def content_problem(expected: FileRecord, found: FileRecord) -> str | None:
    """What is wrong with a file judged by its content; None when it is what was written."""
    if found.size != expected.size:
        return f"{expected.name} has {found.size:,} bytes, {expected.size:,} were written"
    if found.sha256 != expected.sha256:
        return f"the content of {expected.name} has changed since it was written (its SHA-256 differs)"
    return None


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """`document` as JSON text that every reader takes: nan and inf, which JSON lacks, become null."""
    return (json.dumps(_finite(document), indent=2, allow_nan=False) + "\n").encode()


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plausible(manifest: Manifest) -> bool:
    processes = manifest.world_size
    names = {file.name for file in manifest.files}
    return (
        type(manifest.step) is int
        and 0 <= manifest.step <= _MOST
        and len(names) == len(manifest.files)
        and isinstance(manifest.metadata, Mapping)
        and type(processes) is int
        and 1 <= processes <= _MOST_PROCESSES
        and isinstance(manifest.layout, Mapping)
        and type(manifest.layout.get("kind")) is str
        and isinstance(manifest.data, Mapping | None)
        and (manifest.data is None or position_problem(manifest.data) is None)
        and all(map(_plausible_file, manifest.files))
        and isinstance(manifest.versions, Mapping)
        and all(isinstance(tensors, Mapping) for tensors in manifest.tensors.values())
    )


def _plausible_file(file: FileRecord) -> bool:
    """A name is of a file in the checkpoint's own folder, or below."""
    is_name = (
        type(file.name) is str
        and 0 < len(file.name) <= _LONGEST_NAME
        and file.name.isprintable()
        and "\\" not in file.name
        and all(part not in ("", ".", "..") for part in file.name.split("/"))
    )
    return (
        is_name
        and type(file.size) is int
        and file.size >= 0
        and type(file.sha256) is str
        and _SHA256.fullmatch(file.sha256) is not None
    )


def _other_format(number: object) -> str:
    if isinstance(number, int) and number > FORMAT:
        return f"it was written by a newer trainspec (format {number}, this one reads up to {FORMAT})"
    return f"its format {number!r:.60} is unknown"
