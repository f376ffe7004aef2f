"""A model's tensors as bytes and back: safetensors, or a torch file that is loaded with weights_only."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors_bytes
from torch import Tensor

from trainspec.training.checkpoint.manifest import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainspec.training.checkpoint.load import Checkpoint

SAFETENSORS = "model.safetensors"
TORCH_WEIGHTS = "pytorch_model.bin"


def model_files(state_dict: Mapping[str, Any], *, save_safetensors: bool = True) -> dict[str, bytes]:
    """The one file that holds a model's state dict, by its name.

    Raises TypeError for a state dict that safetensors cannot hold (something in it is no tensor).
    """
    if not save_safetensors:
        return {TORCH_WEIGHTS: torch_bytes(dict(state_dict))}
    for name, value in state_dict.items():
        if not isinstance(value, Tensor):
            kind = type(value).__name__
            raise TypeError(f"{name} is a {kind}, safetensors holds tensors only; set save_safetensors: false")
    tensors, aliases = _without_aliases(state_dict)
    return {SAFETENSORS: save_safetensors_bytes(tensors, metadata={"format": "pt", **aliases})}


def load_model_state(checkpoint: Checkpoint) -> dict[str, Any]:
    """A checkpoint's model state dict on the CPU, tied tensors under all their names: load it strictly.

    Raises CheckpointError for a missing, changed or unsafe file.
    """
    if checkpoint.has(SAFETENSORS):
        return state_from_safetensors(checkpoint.read(SAFETENSORS), checkpoint.url)
    if checkpoint.has(TORCH_WEIGHTS):
        state = load_torch_bytes(checkpoint.read(TORCH_WEIGHTS), TORCH_WEIGHTS, checkpoint.url)
        if isinstance(state, dict):
            return state
        raise CheckpointError(checkpoint.url, f"{TORCH_WEIGHTS} holds no state dict")
    raise CheckpointError(checkpoint.url, f"it holds neither {SAFETENSORS} nor {TORCH_WEIGHTS}")


def state_from_safetensors(data: bytes, where: str) -> dict[str, Tensor]:
    """The state dict in a safetensors file, with the names that were left out as aliases put back."""
    try:
        tensors: dict[str, Tensor] = load_safetensors(data)
        length = int.from_bytes(data[:8], "little")
        metadata: dict[str, str] = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    except (SafetensorError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(where, f"{SAFETENSORS} cannot be read ({error})") from None
    aliases = {alias: kept for alias, kept in metadata.items() if kept in tensors and alias not in tensors}
    return tensors | {alias: tensors[kept] for alias, kept in aliases.items()}


def torch_bytes(value: object) -> bytes:
    """`value` as a torch file."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def load_torch_bytes(data: bytes, name: str, where: str) -> Any:
    """The value in a torch file, its tensors on the CPU; only tensors and plain values are ever built.

    Raises CheckpointError for anything else in it: code in a pickle is refused, not run.
    """
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    # A hostile pickle can make the reader fail in any way it likes.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(where, f"{name} is not loaded: {reason}") from None


def _without_aliases(state_dict: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Each tensor once, under the first of its names in order, and the other names with the one kept."""
    kept: dict[str, Tensor] = {}
    aliases: dict[str, str] = {}
    names: dict[tuple[Any, ...], str] = {}
    storages: set[int] = set()
    for name in sorted(state_dict):
        tensor = state_dict[name].detach()
        first = names.setdefault(_identity(tensor), name) if tensor.numel() else name
        if first != name:
            aliases[name] = first
            continue
        # Views that overlap without being equal are kept as copies: safetensors refuses shared memory.
        shared = tensor.untyped_storage().data_ptr() in storages
        storages.add(tensor.untyped_storage().data_ptr())
        kept[name] = tensor.clone().contiguous() if shared else tensor.contiguous()
    return kept, aliases


def _identity(tensor: Tensor) -> tuple[Any, ...]:
    return (tensor.data_ptr(), tensor.dtype, tensor.device, tuple(tensor.shape), tensor.stride())
