"""Which part of every parameter this process steps, and where in the engine's flat tensors it stands.

    the parameter, flat      [ . . . . . . . . . . . . ]
    this process's piece             [ x x x x ]           `offset` and `numel`
    the engine's tensor       [ a a a x x x x b b - - ]    from `start` on

The flat tensor is what the optimizer keeps its state by, and the float32 master of a parameter in half precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Piece:
    """`numel` is 0 where nothing of a parameter is here. In a whole one, `flat` has the parameter's own shape."""

    parameter: nn.Parameter
    flat: Tensor
    shape: tuple[int, ...]
    start: int = 0
    offset: int = 0
    numel: int = 0
    is_whole: bool = False

    @property
    def size(self) -> int:
        """Of the whole parameter, in elements."""
        return torch.Size(self.shape).numel()

    @property
    def has_master(self) -> bool:
        """Whether the weights that are stepped are another tensor, in another format, than those that compute."""
        return self.parameter.dtype != self.flat.dtype

    def of(self, value: Tensor) -> Tensor:
        """The part of a tensor that lies as `flat` does."""
        return value if self.is_whole else value.narrow(0, self.start, self.numel)

    def lies_so(self, value: Any) -> bool:
        return isinstance(value, Tensor) and value.shape == self.flat.shape and value.dim() > 0

    def of_whole(self, value: Tensor) -> Tensor:
        """The same part of a tensor that has the parameter's shape."""
        return value if self.is_whole else value.reshape(-1).narrow(0, self.offset, self.numel)

    def into_whole(self, value: Tensor) -> Tensor:
        """A tensor of the parameter's shape, zero but for this part: those of all processes add up to the whole."""
        found = torch.zeros(self.size, dtype=value.dtype, device=value.device)
        found.narrow(0, self.offset, self.numel).copy_(value)
        return found.view(self.shape)

    def place(self) -> dict[str, Any]:
        """As JSON: of a sliced parameter `offset` and `local_shape` are of the flat one."""
        if self.is_whole:
            return {"shape": list(self.shape), "offset": [0] * len(self.shape), "local_shape": list(self.shape)}
        return {"shape": list(self.shape), "offset": [self.offset], "local_shape": [self.numel], "flat": True}


def pieces_of(engine: Any) -> list[Piece]:
    """Those of every parameter that the engine steps, in its own order; the same parameters on every process."""
    optimizer = engine.optimizer
    if hasattr(optimizer, "fp32_partitioned_groups_flat"):
        return list(_of_stage_3(optimizer))
    for masters in ("single_partition_of_fp32_groups", "fp32_groups_flat_partition"):
        if hasattr(optimizer, masters):
            halves = optimizer.bit16_groups if hasattr(optimizer, "bit16_groups") else optimizer.bf16_groups
            return list(_of_stages_1_and_2(halves, getattr(optimizer, masters)))
    if hasattr(optimizer, "fp32_groups"):
        return [
            _whole(parameter, master)
            for parameters, masters in zip(optimizer.fp16_groups, optimizer.fp32_groups, strict=True)
            for parameter, master in zip(parameters, masters, strict=True)
        ]
    return [_whole(value, value) for group in optimizer.param_groups for value in group["params"]]


def _whole(parameter: nn.Parameter, master: Tensor) -> Piece:
    return Piece(parameter, master, tuple(parameter.shape), numel=parameter.numel(), is_whole=True)


def _of_stages_1_and_2(groups: list[list[nn.Parameter]], flats: list[Tensor]) -> Iterator[Piece]:
    for parameters, flat in zip(groups, flats, strict=True):
        for parameter in parameters:
            mapping = getattr(parameter, "_hp_mapping", None)
            if mapping is None:
                yield Piece(parameter, flat, tuple(parameter.shape))
                continue
            here, there = mapping.hp_fragment_address, mapping.lp_fragment_address
            yield Piece(parameter, flat, tuple(parameter.shape), here.start, there.start, here.numel)


def _of_stage_3(optimizer: Any) -> Iterator[Piece]:
    for parameters in optimizer.fp16_groups:
        for parameter in parameters:
            group, start, length = optimizer.grad_position[optimizer.get_param_id(parameter)]
            offset = optimizer._get_param_partition_rank(parameter) * length
            # The last slices are filled up, so that all have one length.
            numel = max(0, min(length, parameter.ds_numel - offset))
            yield Piece(
                parameter,
                optimizer.fp32_partitioned_groups_flat[group],
                tuple(parameter.ds_shape),
                start,
                offset if numel else 0,
                numel,
            )
