"""Autocast, loss scaling and TF32."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments

# These modules replace themselves when imported, which type checkers cannot see.
_BACKENDS: Any = torch.backends
_TF32_ON = ("high", "tf32", "tf32", "tf32", "tf32")
_TF32_OFF = ("highest", "ieee", "ieee", "ieee", "ieee")


class Precision:
    """How numbers are computed: the autocast context, and the scaler that fp16 needs."""

    def __init__(self, device: torch.device, dtype: torch.dtype | None) -> None:
        self._device = device.type
        self._dtype = dtype
        self.scaler = torch.amp.GradScaler(device.type) if dtype is torch.float16 else None

    def autocast(self) -> AbstractContextManager[Any]:
        if self._dtype is None:
            return nullcontext()
        return torch.autocast(self._device, dtype=self._dtype)

    def backward(self, loss: Tensor) -> None:
        torch.autograd.backward(loss if self.scaler is None else self.scaler.scale(loss))

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """After this, gradients have their true size and may be clipped."""
        if self.scaler is not None:
            self.scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> bool:
        """Step the optimizer; False when the step was skipped because a gradient overflowed."""
        if self.scaler is None:
            optimizer.step()
            return True
        before = self.scaler.get_scale()
        self.scaler.step(optimizer)
        self.scaler.update()
        return self.scaler.get_scale() >= before


def choose_precision(args: TrainingArguments, device: torch.device) -> Precision:
    if args.bf16:
        return Precision(device, torch.bfloat16)
    return Precision(device, torch.float16 if args.fp16 else None)


@contextmanager
def tf32(wanted: bool | None) -> Iterator[None]:
    """TF32 on or off for as long as the block runs; None leaves the process alone."""
    if wanted is None:
        yield
        return
    before = _read_tf32()
    _write_tf32(_TF32_ON if wanted else _TF32_OFF)
    try:
        yield
    finally:
        _write_tf32(before)


# torch keeps the old switches apart from the new ones, and a read of an old one raises, in whichever library does it,
# when the two differ. So the old are set first, as their setters overwrite the new, and then the new.
def _read_tf32() -> tuple[str, str, str, str, str]:
    return (
        torch.get_float32_matmul_precision(),
        _BACKENDS.cuda.matmul.fp32_precision,
        _BACKENDS.mkldnn.matmul.fp32_precision,
        _BACKENDS.cudnn.conv.fp32_precision,
        _BACKENDS.cudnn.rnn.fp32_precision,
    )


def _write_tf32(values: tuple[str, str, str, str, str]) -> None:
    old, matmul, mkldnn, conv, rnn = values
    torch.set_float32_matmul_precision(old)
    _BACKENDS.cudnn.allow_tf32 = conv == "tf32"
    _BACKENDS.cuda.matmul.fp32_precision = matmul
    _BACKENDS.mkldnn.matmul.fp32_precision = mkldnn
    _BACKENDS.cudnn.conv.fp32_precision = conv
    _BACKENDS.cudnn.rnn.fp32_precision = rnn
