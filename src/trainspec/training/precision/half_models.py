"""What a model computes in: one form for each of the levels that are known as O0 to O3.

O0  float32 throughout.
O1  float32 weights; autocast chooses a number format for each operation.
O2  a half model with float32 master weights. The masters are the model's own parameters, so optimizer, clipping and
    checkpoints need to know nothing; forward and backward see half copies of them. Normalisation layers keep float32
    weights and give half results. Losses and what else autocast holds to be unsafe in half run in float32.
O3  weights, inputs and every operation in half; there are no masters.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from trainspec.training.model.inside import unwrap
from trainspec.training.optimizers.groups import is_normalisation
from trainspec.training.precision.weight_copies import cast, floating_slots, inputs_in, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator


class Form(Protocol):
    def prepare(self, model: nn.Module) -> None:
        """Called once, before an optimizer is made from the model's parameters."""

    def forward(self) -> AbstractContextManager[Any]:
        """Around what computes outputs and losses."""

    def backward(self) -> AbstractContextManager[Any]:
        """Around the backward pass, which may recompute parts of the forward pass."""


# Made once: an update enters it twice.
_NOTHING = nullcontext()


class Whole:
    """O0, and every run without half precision."""

    def prepare(self, model: nn.Module) -> None:
        pass

    def forward(self) -> AbstractContextManager[Any]:
        return _NOTHING

    def backward(self) -> AbstractContextManager[Any]:
        return _NOTHING


class Autocast(Whole):
    """O1, and bf16."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self._device = device.type
        self._dtype = dtype

    def forward(self) -> AbstractContextManager[Any]:
        return torch.autocast(self._device, dtype=self._dtype)


class HalfCopies(Autocast):
    """O2."""

    _model: nn.Module | None = None

    def prepare(self, model: nn.Module) -> None:
        self._model = unwrap(model)

    @contextmanager
    def forward(self) -> Iterator[None]:
        with self._halved(), super().forward():
            yield

    def backward(self) -> AbstractContextManager[Any]:
        return self._halved()

    @contextmanager
    def _halved(self) -> Iterator[None]:
        model = _prepared(self._model)
        slots = floating_slots(model, without=is_normalisation)
        with ExitStack() as stack:
            for module in filter(is_normalisation, model.modules()):
                # Batch norm takes half inputs with whole weights; the others are slow with a mixture, or refuse it.
                if not isinstance(module, _BatchNorm):
                    stack.callback(module.register_forward_pre_hook(_widen).remove)
                stack.callback(module.register_forward_hook(self._narrow).remove)
            # The copy is part of the graph: its gradient arrives at the master, in float32.
            stack.enter_context(replaced(slots, lambda tensor: tensor.to(self._dtype)))
            yield

    def _narrow(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        return cast(output, self._dtype)


def _widen(module: nn.Module, inputs: tuple[Any, ...]) -> Any:
    return cast(inputs, torch.float32)


class PureHalf(Whole):
    """O3. The model stays half after the run."""

    _model: nn.Module | None = None

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype

    def prepare(self, model: nn.Module) -> None:
        self._model = unwrap(model).to(self._dtype)

    def forward(self) -> AbstractContextManager[Any]:
        return inputs_in(_prepared(self._model), self._dtype)


def _prepared(model: nn.Module | None) -> nn.Module:
    if model is None:
        raise RuntimeError("this level changes the model: call prepare(model) before the first forward pass")
    return model
