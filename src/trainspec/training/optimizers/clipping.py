"""The global norm of gradients, and gradients scaled down to one: the numbers of torch.nn.utils, in less time.

torch's functions sort gradients by device and type and ask each for what it supports, which costs a small model more
than the norm itself. Nearly always they are of one kind, and that takes one look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterable


def clip_gradients(parameters: Iterable[Tensor], max_norm: float) -> Tensor:
    """The 2-norm of all gradients as one vector, to which they are scaled down in place where `max_norm` is less.

    Zero, or less, scales nothing. A tensor without dimension, bit for bit what `torch.nn.utils.clip_grad_norm_` gives,
    as are the gradients.
    """
    parameters = list(parameters)
    gradients = [gradient for value in parameters if (gradient := value.grad) is not None]
    if any(gradient.layout is torch.sparse_coo for gradient in gradients):
        return _clip_numbers(_numbers(parameters), max_norm)
    if not _are_of_one_kind(gradients):
        # Sharded tensors, several devices.
        if max_norm > 0:
            return nn.utils.clip_grad_norm_(parameters, max_norm)
        return nn.utils.get_total_norm(gradients)
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients, 2.0)), 2.0)
    if max_norm <= 0:
        return norm
    # Whether it is one would have to be waited for.
    torch._foreach_mul_(gradients, torch.clamp(max_norm / (norm + 1e-6), max=1.0))
    return norm


def _numbers(parameters: list[Tensor]) -> list[Tensor]:
    """What the gradients are made of: of a sparse one the numbers that it has, each place once."""
    found: list[Tensor] = []
    for value in parameters:
        if value.grad is not None and value.grad.layout is torch.sparse_coo:
            value.grad = value.grad.coalesce()
            found.append(value.grad.values().detach())
        elif value.grad is not None:
            found.append(value.grad)
    return found


def _clip_numbers(numbers: list[Tensor], max_norm: float) -> Tensor:
    norm: Tensor = nn.utils.get_total_norm(numbers)
    if max_norm > 0:
        part = torch.clamp(max_norm / (norm + 1e-6), max=1.0)
        for each in numbers:
            each.mul_(part.to(each.device))
    return norm


def _are_of_one_kind(gradients: list[Tensor]) -> bool:
    if not gradients:
        return False
    dtype, device = gradients[0].dtype, gradients[0].device
    return device.type in _WITH_FOREACH and all(
        type(gradient) is Tensor
        and gradient.dtype is dtype
        and gradient.layout is torch.strided
        and gradient.device == device
        and not gradient.requires_grad
        for gradient in gradients
    )


_WITH_FOREACH = frozenset({"cpu", "cuda", "xpu"})
