"""What the command wrote of a trained model into output_dir, so that whoever reads it later knows that it is that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.storage import FileRecord, NotFound, Store
from trainspec.text.bounded_json import LARGEST_DOCUMENT
from trainspec.training.checkpoint.manifest import (
    CheckpointError,
    Manifest,
    content_problem,
    fingerprint,
    parse,
    size_problem,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MODEL_MANIFEST = "model_manifest.json"
_REMEDY = (
    f"train again, set resume_from_checkpoint: latest for the newest checkpoint's weights, or delete {MODEL_MANIFEST} "
    "where somebody changed it on purpose"
)


def write_manifest(output: Store, step: int, files: Iterable[FileRecord]) -> None:
    """Note the files of the model after `step` updates. Raises StorageError."""
    output.write_bytes(MODEL_MANIFEST, Manifest(step, tuple(sorted(files))).to_bytes())


def forget_manifest(output: Store) -> None:
    """Before another model is written there. Raises StorageError."""
    if output.exists(MODEL_MANIFEST):
        output.delete(MODEL_MANIFEST)


def reader_of(output: Store) -> Callable[[str], bytes]:
    """Reads files of the model in output_dir, each compared with what was written where that was noted.

    The model of another program, or of a script, has no such note. Reading raises CheckpointError for a file that is
    not what was written, and so does this for one that is missing or has another size; both raise StorageError.
    """
    try:
        data = output.read_range(MODEL_MANIFEST, 0, LARGEST_DOCUMENT + 1)
    except NotFound:
        return output.read_bytes
    try:
        manifest = parse(data, output.url)
    except CheckpointError:
        raise CheckpointError(output.url, f"{MODEL_MANIFEST} is damaged: {_REMEDY}") from None
    _refuse(output, size_problem(manifest, output.entries()))

    def read(name: str) -> bytes:
        content, record = output.read_bytes(name), manifest.record(name)
        _refuse(output, None if record is None else content_problem(record, fingerprint(name, content)))
        return content

    return read


def _refuse(output: Store, problem: str | None) -> None:
    if problem is not None:
        raise CheckpointError(output.url, f"{problem}: {_REMEDY}")
