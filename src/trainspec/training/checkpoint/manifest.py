"""The list of what a checkpoint consists of; where there is none, there is no checkpoint."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainspec.storage import Entry, FileRecord, StorageError
from trainspec.text.redaction import redact_reason, redact_whole_url

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"
FORMAT = 2
# How the weights lie in the files: each tensor whole, in one file of one process.
FULL_LAYOUT: Mapping[str, Any] = {"kind": "full"}


class CheckpointError(Exception):
    """A checkpoint that cannot be used: `where` is its URL, `problem` says what is wrong with it; both are redacted."""

    def __init__(self, where: str, problem: str) -> None:
        self.where = redact_whole_url(where)
        self.problem = redact_reason(problem, where)
        super().__init__(f"checkpoint {self.where}: {self.problem}")

    def __reduce__(self) -> tuple[type[CheckpointError], tuple[str, str]]:
        return type(self), (self.where, self.problem)


@dataclass(frozen=True)
class Manifest:
    """A complete checkpoint: the number of finished updates, every file, and what else is good to know.

    `metadata` is small and plain JSON: `metrics`, `best` (whether it was the best when saved),
    `trainspec_version`. Numbers in it that JSON does not know (nan, inf) are written as null. `world_size` processes
    wrote it, `layout` says how weights lie in the files (`kind` first of all), `data` is the position in the training
    data, None where it is not known: format 1 had none of the three.
    """

    step: int
    files: tuple[FileRecord, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    world_size: int = 1
    layout: Mapping[str, Any] = field(default_factory=lambda: FULL_LAYOUT)
    data: Mapping[str, Any] | None = None

    def record(self, name: str) -> FileRecord | None:
        """The record of a file, None when the checkpoint has no such file."""
        return next((file for file in self.files if file.name == name), None)

    def to_bytes(self) -> bytes:
        """The manifest as the JSON that `parse` reads."""
        return json_bytes(
            {
                "format": FORMAT,
                "global_step": self.step,
                "world_size": self.world_size,
                "layout": self.layout,
                "data": self.data,
                "metadata": self.metadata,
                "files": [{"name": f.name, "size": f.size, "sha256": f.sha256} for f in self.files],
            }
        )


def fingerprint(name: str, content: bytes | Path) -> FileRecord:
    """The record of a file from its content. Raises StorageError when a local file cannot be read."""
    if isinstance(content, bytes):
        return FileRecord(name, len(content), hashlib.sha256(content).hexdigest())
    try:
        with content.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return FileRecord(name, file.tell(), digest)
    except OSError as cause:
        raise StorageError(str(content), "read", cause.strerror or str(cause), cause) from None


def parse(data: bytes, where: str) -> Manifest:
    """The manifest in `data`. Raises CheckpointError for what is no manifest, or one of a newer trainspec."""
    try:
        document = json.loads(data)
        if document["format"] not in range(1, FORMAT + 1):
            raise CheckpointError(where, _other_format(document["format"]))
        files = tuple(sorted(FileRecord(f["name"], f["size"], f["sha256"]) for f in document["files"]))
        later = {} if document["format"] == 1 else {name: document[name] for name in ("world_size", "layout", "data")}
        manifest = Manifest(document["global_step"], files, document["metadata"], **later)
    except (ValueError, LookupError, TypeError, RecursionError):
        raise CheckpointError(where, f"its {MANIFEST} is damaged") from None
    if not _plausible(manifest):
        raise CheckpointError(where, f"its {MANIFEST} is damaged")
    return manifest


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
    return (
        type(manifest.step) is int
        and manifest.step >= 0
        and isinstance(manifest.metadata, Mapping)
        and type(processes) is int
        and processes >= 1
        and isinstance(manifest.layout, Mapping)
        and type(manifest.layout.get("kind")) is str
        and isinstance(manifest.data, Mapping | None)
        and all(type(f.name) is str and type(f.size) is int and type(f.sha256) is str for f in manifest.files)
    )


def _other_format(number: object) -> str:
    if isinstance(number, int) and number > FORMAT:
        return f"it was written by a newer trainspec (format {number}, this one reads up to {FORMAT})"
    return f"its format {number!r} is unknown"
