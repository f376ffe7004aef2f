"""Whether files of tensors without a checksum are cut off, by their sizes and ends alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trainspec.training.checkpoint.manifest import CheckpointError

if TYPE_CHECKING:
    from trainspec.storage import Store
    from trainspec.training.foreign.checkpoint import ForeignCheckpoint

_ARCHIVES = (".bin", ".pt", ".pth")
_ZIP, _END_OF_ZIP = b"PK\x03\x04", b"PK\x05\x06"
_LONGEST_END = 22
_LONGEST_HEADER = 100_000_000


def refuse_cut_off(checkpoint: ForeignCheckpoint) -> None:
    """Raise CheckpointError for the first file that its writer did not finish."""
    store = checkpoint.store
    for entry in store.entries():
        if entry.name.endswith(".safetensors"):
            cut_off = _tensors_end(store, entry.name) != entry.size
        elif entry.name.endswith(_ARCHIVES):
            cut_off = _lacks_its_end(store, entry.name, entry.size)
        else:
            continue
        if cut_off:
            raise CheckpointError(checkpoint.url, f"{entry.name} is cut off or damaged")


def _tensors_end(store: Store, name: str) -> int | None:
    """The size that a file of safetensors has by its own header; None where that cannot be read."""
    length = int.from_bytes(store.read_range(name, 0, 8), "little")
    if length > _LONGEST_HEADER:
        return None
    try:
        header = json.loads(store.read_range(name, 8, length))
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return 8 + length + max(ends, default=0)


def _lacks_its_end(store: Store, name: str, size: int) -> bool:
    # torch's older format is a plain pickle, which tells nothing of its size.
    if store.read_range(name, 0, 4) != _ZIP:
        return size == 0
    return _END_OF_ZIP not in store.read_range(name, max(0, size - _LONGEST_END), _LONGEST_END)
