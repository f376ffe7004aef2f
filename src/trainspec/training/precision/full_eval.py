"""Evaluation entirely in bfloat16 or float16; the weights are afterwards what they were, bit for bit."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainspec.training.model.inside import unwrap
from trainspec.training.precision.weight_copies import Slot, floating_slots, inputs_in, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments


# Where the originals are not in the way of anything.
_HOST = ("cpu", "meta")


def full_eval_dtype(args: TrainingArguments) -> torch.dtype | None:
    """What evaluation runs in; None: in what training runs in."""
    if args.bf16_full_eval:
        return torch.bfloat16
    return torch.float16 if args.fp16_full_eval else None


@contextmanager
def evaluating_in(model: nn.Module, dtype: torch.dtype | None) -> Iterator[None]:
    """The model holds weights and buffers in `dtype` while the block runs; None changes nothing.

    Floating-point inputs are converted as they reach the model. On an accelerator the originals wait in host memory, so
    that the device holds the small copies alone; parameters stay the same objects, and optimizers keep hold of them.
    """
    if dtype is None:
        yield
        return
    target = dtype
    module = unwrap(model)
    slots = [slot for slot in floating_slots(module, buffers=True) if slot.tensor.dtype is not target]
    parking = HostParking()
    alone = _alone_in_memory(slots)

    def copy(tensor: Tensor) -> Tensor:
        small = tensor.detach().to(target)
        if tensor.device.type not in _HOST and id(tensor) in alone:
            parking.park(tensor)
        return nn.Parameter(small, requires_grad=False) if isinstance(tensor, nn.Parameter) else small

    with ExitStack() as stack:
        stack.callback(parking.bring_back)
        stack.enter_context(replaced(slots, copy))
        stack.enter_context(inputs_in(module, target))
        yield


def _alone_in_memory(slots: list[Slot]) -> set[int]:
    """The ids of the tensors whose memory no other slot's tensor looks into."""
    places = {id(slot.tensor): slot.tensor.untyped_storage().data_ptr() for slot in slots}
    count = Counter(places.values())
    return {tensor for tensor, place in places.items() if count[place] == 1}


def _host_bytes(size: int) -> Any:
    return torch.empty(size, dtype=torch.uint8).untyped_storage()


class HostParking:
    """Device memory of tensors, freed while its content waits in host memory. The tensors cannot be read meanwhile."""

    def __init__(self) -> None:
        self._parked: list[tuple[Any, Any, int]] = []

    def park(self, tensor: Tensor) -> None:
        """Free the memory below a tensor; one that fills only a part of it is left where it is."""
        storage = tensor.untyped_storage()
        size = storage.nbytes()
        if not size or not storage.resizable() or tensor.numel() * tensor.element_size() != size:
            return
        content = _host_bytes(size)
        content.copy_(storage)
        self._parked.append((storage, content, size))
        storage.resize_(0)

    def bring_back(self) -> None:
        """Every parked byte back in its place."""
        while self._parked:
            storage, content, size = self._parked.pop()
            storage.resize_(size)
            storage.copy_(content)
