"""A state dict from the files that hold it: one file, or shards and the index that says which tensor lies in which.

An index is somebody else's text: it may name only files beside it, each tensor once, and has to agree with the shards.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainspec.text.bounded_json import too_large
from trainspec.text.redaction import printable
from trainspec.training.checkpoint.manifest import CheckpointError
from trainspec.training.checkpoint.weights import (
    SAFETENSORS,
    SAFETENSORS_INDEX,
    TORCH_WEIGHTS,
    load_torch_bytes,
    state_from_safetensors,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

TORCH_INDEX = "pytorch_model.bin.index.json"
# In the order in which they are looked for, which is that of transformers.
WEIGHT_FILES = (SAFETENSORS, SAFETENSORS_INDEX, TORCH_WEIGHTS, TORCH_INDEX)
_SHOWN = 3


def weights_in(names: Collection[str]) -> str | None:
    """The file among `names` to begin with for a whole model: its weights, or the index of their shards."""
    return next((name for name in WEIGHT_FILES if name in names), None)


def read_state(name: str, read: Callable[[str], bytes], names: Collection[str], where: str) -> dict[str, Any]:
    """The state dict, on the CPU, in a file or in the shards of an index, of which `read` gives the contents.

    Raises CheckpointError for a file that is missing, changed or unsafe, and for an index that leaves the folder, names
    a tensor twice or disagrees with its shards.
    """
    found: dict[str, Any] = {}
    for state in _parts(name, read, names, where):
        found |= state
    return found


def verify_state(name: str, read: Callable[[str], bytes], names: Collection[str], where: str) -> None:
    """What `read_state` would refuse is refused; no more than one file is in memory at a time."""
    for _ in _parts(name, read, names, where):
        pass


def _parts(name: str, read: Callable[[str], bytes], names: Collection[str], where: str) -> Iterator[dict[str, Any]]:
    if not name.endswith(".index.json"):
        yield _one_file(name, read, where)
        return
    listed = _index(read(name), name, where)
    files = sorted(set(listed.values()))
    for file in files:
        _refuse_outside(file, name, where)
        if file not in names:
            raise CheckpointError(where, f"{name} names the shard {printable(file)}, which is not there")
    seen: set[str] = set()
    for file in files:
        shard = _one_file(file, read, where)
        twice = seen & shard.keys()
        if twice:
            raise CheckpointError(where, f"{file} holds {_some(twice)}, which another shard of {name} holds too")
        seen |= shard.keys()
        own = {key for key, place in listed.items() if place == file}
        lost, stray = own - shard.keys(), shard.keys() - own
        if lost:
            raise CheckpointError(where, f"{file} lacks {_some(lost)}, which {name} says is in it")
        if stray:
            raise CheckpointError(where, f"{file} holds {_some(stray)}, of which {name} says nothing")
        yield shard


def _one_file(name: str, read: Callable[[str], bytes], where: str) -> dict[str, Any]:
    if name.endswith(".safetensors"):
        return dict(state_from_safetensors(read(name), where, name))
    state = load_torch_bytes(read(name), name, where)
    if not isinstance(state, dict):
        raise CheckpointError(where, f"{name} holds no state dict")
    return state


def _index(data: bytes, name: str, where: str) -> dict[str, str]:
    try:
        problem = too_large(data)
        if problem:
            raise CheckpointError(where, f"{name} is no index: {problem}")
        document = json.loads(data, object_pairs_hook=_once)
        listed = document["weight_map"]
    except _Twice as error:
        raise CheckpointError(where, f"{name} names {printable(str(error))} twice") from None
    except (ValueError, LookupError, TypeError, RecursionError):
        raise CheckpointError(where, f"{name} is no index: it has no weight_map") from None
    if not isinstance(listed, dict) or not all(isinstance(file, str) for file in listed.values()):
        raise CheckpointError(where, f"{name} is no index: its weight_map does not map tensors to files")
    if not listed:
        raise CheckpointError(where, f"{name} names no tensor")
    return listed


class _Twice(Exception):
    """A key that comes twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Twice(key)
        found[key] = value
    return found


def _refuse_outside(file: str, name: str, where: str) -> None:
    # Whoever writes an index must not choose which files of this machine are read.
    if not file.endswith((".safetensors", ".bin")) or any(part in file for part in ("/", "\\", ":", "\0", "..")):
        raise CheckpointError(where, f"{name} names {printable(repr(file))}, which is no file of weights beside it")


def _some(keys: Collection[str]) -> str:
    first = ", ".join(printable(key) for key in sorted(keys)[:_SHOWN])
    return first if len(keys) <= _SHOWN else f"{first} and {len(keys) - _SHOWN} more"
