"""How far the numbers of two tensors lie apart, a few at a time; and weights of torch's own files as safetensors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch

from trainspec.training.checkpoint.manifest import CheckpointError
from trainspec.training.checkpoint.tensor_files import SafetensorsFile, dtype_name
from trainspec.training.checkpoint.weights import load_torch_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from trainspec.training.checkpoint.load import Checkpoint

_DTYPES = {
    dtype_name(dtype): dtype
    for dtype in (
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64),
    )
}


class Distance(NamedTuple):
    """The largest difference of two numbers in the same place, and the squares of all differences and of A, summed.

    Both are nan where a number is not finite on one side alone.
    """

    largest: float
    squares: float
    squares_of_a: float

    @property
    def relative(self) -> float | None:
        """The Frobenius norm of the difference over that of A; None where A is zero."""
        return math.sqrt(self.squares / self.squares_of_a) if self.squares_of_a else None


def distance(a: Iterator[bytes], b: Iterator[bytes], dtypes: tuple[str, str]) -> Distance | None:
    """How far two tensors of as many elements lie apart, by their bytes; None for a dtype that torch has not.

    Pieces come in any sizes, of whole elements on each side.
    """
    if not {*dtypes} <= _DTYPES.keys():
        return None
    largest = squares = squares_of_a = 0.0
    for ours, theirs in _pairs(_numbers(a, dtypes[0]), _numbers(b, dtypes[1])):
        apart = torch.where(ours == theirs, 0.0, (ours - theirs).abs())
        apart[ours.isnan() & theirs.isnan()] = 0.0
        largest = max(largest, apart.max().item()) if not apart.isnan().any() else math.nan
        squares += apart.square().sum().item()
        squares_of_a += ours.abs().square().nan_to_num(0.0, 0.0, 0.0).sum().item()
        if math.isnan(largest):
            return Distance(math.nan, math.nan, squares_of_a)
    return Distance(largest, squares, squares_of_a)


def _numbers(pieces: Iterator[bytes], dtype: str) -> Iterator[Tensor]:
    kind = _DTYPES[dtype]
    wide = torch.complex128 if kind.is_complex else torch.float64
    for piece in pieces:
        yield torch.frombuffer(bytearray(piece), dtype=kind).to(wide)


def _pairs(a: Iterator[Tensor], b: Iterator[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """The numbers of both in step, where their pieces are of other lengths."""
    ours = theirs = torch.empty(0)
    while True:
        ours = next(a, ours) if not ours.numel() else ours
        theirs = next(b, theirs) if not theirs.numel() else theirs
        both = min(ours.numel(), theirs.numel())
        if not both:
            return
        yield ours[:both], theirs[:both]
        ours, theirs = ours[both:], theirs[both:]


def write_safetensors(checkpoint: Checkpoint, name: str, target: Path) -> None:
    """The weights in a torch file of a checkpoint as a file of safetensors. Raises CheckpointError."""
    state = load_torch_bytes(checkpoint.read(name), name, checkpoint.url)
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CheckpointError(checkpoint.url, f"{name} holds no state dict")
    try:
        payload = SafetensorsFile({str(key): value.contiguous() for key, value in state.items()}, {"format": "pt"})
        with target.open("wb") as file:
            payload.write(file)
    except TypeError as error:
        raise CheckpointError(checkpoint.url, f"{name} is not to be had as safetensors: {error}") from None
