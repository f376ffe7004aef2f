"""A model's tensors as a file and back: safetensors, or a torch file that is loaded with weights_only."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor

from trainspec.text.bounded_json import parse_json
from trainspec.training.checkpoint.manifest import CheckpointError
from trainspec.training.checkpoint.payload import Document
from trainspec.training.checkpoint.states.archives import archive_problem
from trainspec.training.checkpoint.tensor_files import SafetensorsFile, TorchFile, dtype_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trainspec.training.checkpoint.payload import Payload

SAFETENSORS = "model.safetensors"
SAFETENSORS_INDEX = f"{SAFETENSORS}.index.json"
TORCH_WEIGHTS = "pytorch_model.bin"


def model_files(state_dict: Mapping[str, Any], *, save_safetensors: bool = True) -> dict[str, Payload]:
    """The one file that holds a model's state dict, by its name.

    Raises TypeError for a state dict that safetensors cannot hold (something in it is no tensor, or of another kind).
    """
    if not save_safetensors:
        return {TORCH_WEIGHTS: TorchFile(dict(state_dict))}
    _refuse_unsafe(state_dict)
    tensors, aliases = _without_aliases(state_dict)
    return {SAFETENSORS: SafetensorsFile(tensors, {"format": "pt", **aliases})}


def dealt_model_files(
    state_dict: Mapping[str, Any], writers: Mapping[str, int], rank: int, *, with_index: bool
) -> dict[str, Payload]:
    """What one process writes of a state dict whose tensors are dealt out to `writers`: its shard, if it has one.

    Shards are numbered as Hugging Face does, and the index of all is for one process to write. Where all is of one
    process it is a single file. Raises as `model_files`.
    """
    _refuse_unsafe(state_dict)
    tensors, aliases = _without_aliases(state_dict)
    ranks = sorted({writers[name] for name in tensors}) or [0]
    names = {writer: shard_name(number, len(ranks)) for number, writer in enumerate(ranks)}
    files: dict[str, Payload] = {}
    if rank in names:
        own = {name: value for name, value in tensors.items() if writers[name] == rank}
        beside = {name: kept for name, kept in aliases.items() if kept in own}
        files[names[rank]] = SafetensorsFile(own, {"format": "pt", **beside})
    if with_index and len(ranks) > 1:
        where = {name: names[writers[name]] for name in tensors}
        # An index that leaves out what a reader finds in a shard is taken for damaged.
        where |= {name: where[kept] for name, kept in aliases.items()}
        size = sum(value.numel() * value.element_size() for value in tensors.values())
        index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(where.items()))}
        files[SAFETENSORS_INDEX] = Document((json.dumps(index, indent=2) + "\n").encode())
    return files


def shard_name(number: int, count: int) -> str:
    """The name of a file with some of a model's tensors; `number` counts from 0."""
    stem, dot, ending = SAFETENSORS.rpartition(".")
    return SAFETENSORS if count == 1 else f"{stem}-{number + 1:05d}-of-{count:05d}{dot}{ending}"


def not_in_safetensors(state_dict: Mapping[str, Any]) -> Iterator[str]:
    """What of a state dict a file of safetensors cannot hold, each by its name and why."""
    for name, value in state_dict.items():
        problem = _why_not_in_safetensors(value)
        if problem:
            yield f"{name} is {problem}"


def _refuse_unsafe(state_dict: Mapping[str, Any]) -> None:
    for problem in not_in_safetensors(state_dict):
        raise TypeError(f"{problem}; set save_safetensors: false")


def state_from_safetensors(data: bytes, where: str, name: str = SAFETENSORS) -> dict[str, Tensor]:
    """The state dict in a safetensors file, with the names that were left out as aliases put back."""
    try:
        tensors: dict[str, Tensor] = load_safetensors(data)
        length = int.from_bytes(data[:8], "little")
        header = parse_json(data[8 : 8 + length], of_a_run=True)
        metadata: dict[str, str] = header.get("__metadata__") or {}
        aliases = {alias: kept for alias, kept in metadata.items() if kept in tensors and alias not in tensors}
    except (SafetensorError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise CheckpointError(where, f"{name} cannot be read ({error})") from None
    return tensors | {alias: tensors[kept] for alias, kept in aliases.items()}


def load_torch_bytes(data: bytes, name: str, where: str) -> Any:
    """The value in a torch file, its tensors on the CPU; only tensors and plain values are ever built.

    Raises CheckpointError for anything else in it: code in a pickle is refused, not run.
    """
    problem = archive_problem(data)
    if problem is not None:
        raise CheckpointError(where, f"{name} is not loaded: {problem}")
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    # A hostile pickle can make the reader fail in any way it likes.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(where, f"{name} is not loaded: {reason}") from None


def _why_not_in_safetensors(value: Any) -> str | None:
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__}, safetensors holds tensors only"
    if value.layout != torch.strided:
        return "a sparse tensor, safetensors holds dense ones only"
    try:
        dtype_name(value.dtype)
    except TypeError:
        return f"of {value.dtype}, which safetensors does not hold"
    return None


def _without_aliases(state_dict: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Each tensor once, under the first of its names in order, and the other names with the one kept."""
    kept: dict[str, Tensor] = {}
    aliases: dict[str, str] = {}
    names: dict[tuple[Any, ...], str] = {}
    for name in sorted(state_dict):
        tensor = state_dict[name]
        first = names.setdefault(_identity(tensor), name) if tensor.numel() else name
        if first == name:
            kept[name] = tensor.detach()
        else:
            aliases[name] = first
    return kept, aliases


def _identity(tensor: Tensor) -> tuple[Any, ...]:
    if tensor.is_meta:
        # It stands for one that another process has.
        return (id(tensor),)
    return (tensor.data_ptr(), tensor.dtype, tensor.device, tuple(tensor.shape), tensor.stride())
