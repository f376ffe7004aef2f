"""A model's tensors as a file and back: safetensors, or a torch file that is loaded with weights_only."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor

from trainspec.text.bounded_json import parse_json
from trainspec.training.checkpoint.manifest import CheckpointError
from trainspec.training.checkpoint.states.archives import archive_problem
from trainspec.training.checkpoint.tensor_files import SafetensorsFile, TorchFile, dtype_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainspec.training.checkpoint.payload import Payload

SAFETENSORS = "model.safetensors"
TORCH_WEIGHTS = "pytorch_model.bin"


def model_files(state_dict: Mapping[str, Any], *, save_safetensors: bool = True) -> dict[str, Payload]:
    """The one file that holds a model's state dict, by its name.

    Raises TypeError for a state dict that safetensors cannot hold (something in it is no tensor, or of another kind).
    """
    if not save_safetensors:
        return {TORCH_WEIGHTS: TorchFile(dict(state_dict))}
    for name, value in state_dict.items():
        problem = _why_not_in_safetensors(value)
        if problem:
            raise TypeError(f"{name} is {problem}; set save_safetensors: false")
    tensors, aliases = _without_aliases(state_dict)
    return {SAFETENSORS: SafetensorsFile(tensors, {"format": "pt", **aliases})}


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
        tensor = state_dict[name].detach()
        first = names.setdefault(_identity(tensor), name) if tensor.numel() else name
        if first == name:
            kept[name] = tensor
        else:
            aliases[name] = first
    return kept, aliases


def _identity(tensor: Tensor) -> tuple[Any, ...]:
    return (tensor.data_ptr(), tensor.dtype, tensor.device, tuple(tensor.shape), tensor.stride())
