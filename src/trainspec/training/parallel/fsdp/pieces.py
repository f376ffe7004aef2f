"""Which part of a parameter a process holds, and tensors from whole to part and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

from trainspec.training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping


class PieceError(TrainingError, ValueError):
    """A saved tensor is neither a whole parameter nor the part that this process holds; the message says which."""


def place_of(value: DTensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape of what is here, and where in the whole it begins, dimension by dimension."""
    shape, offset = compute_local_shape_and_global_offset(value.shape, value.device_mesh, value.placements)
    return tuple(shape), tuple(offset)


def pieces_of(parameters: Mapping[str, Tensor]) -> dict[str, Any]:
    """As JSON, by name: `shape` of the whole, `offset` and `local_shape` of the part."""
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        shape, offset = place_of(value) if isinstance(value, DTensor) else (tuple(value.shape), (0,) * value.dim())
        found[name] = {"shape": list(value.shape), "offset": list(offset), "local_shape": list(shape)}
    return found


def part_of(whole: Tensor, like: DTensor) -> Tensor:
    """Of a whole tensor, what this process holds of `like`: a view."""
    shape, offset = place_of(like)
    for dimension, (start, length) in enumerate(zip(offset, shape, strict=True)):
        # What is empty may begin behind the end.
        whole = whole.narrow(dimension, min(start, whole.shape[dimension] - length), length)
    return whole


def sharded_as(value: Tensor, like: Tensor, what: str) -> Tensor:
    """A whole tensor, or this process's part of one, as a tensor that is sharded like a parameter; a copy.

    A tensor of neither shape is not of the parameter's elements (a step count, say), and stays as it is; with its shape
    and dtype unlike the parameter's. Raises PieceError for one of as many dimensions.
    """
    if not isinstance(like, DTensor):
        return value.clone()
    here, _ = place_of(like)
    if value.shape == like.shape:
        part = part_of(value, like)
    elif tuple(value.shape) == here:
        part = value
    elif value.dim() == like.dim() and value.dim():
        raise PieceError(
            f"{what} is {tuple(value.shape)}, and the parameter is {tuple(like.shape)}, of which {here} are here"
        )
    else:
        return value.clone()
    part = part.to(like.to_local().device).clone().contiguous()
    return DTensor.from_local(
        part, like.device_mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )


def whole_of(value: Tensor) -> Tensor:
    """Put together from the parts of all processes, each of which asks."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def local_of(value: Tensor) -> Tensor:
    """What this process holds of it."""
    return value.to_local() if isinstance(value, DTensor) else value
