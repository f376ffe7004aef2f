"""Stops a run at the first module that computes an infinity or a nan, and tells what came before."""

from __future__ import annotations

import logging
import math
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainspec.training.errors import TrainingError
from trainspec.training.model.inside import unwrap

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

logger = logging.getLogger(__name__)


class NonFiniteNumbersError(TrainingError, ArithmeticError):
    """A module computed an infinity or a nan; the message shows the modules before it."""


class BatchLimitReachedError(TrainingError):
    """As many batches were looked at as were to be."""


class DebugUnderflowOverflow:
    """Looks at the weights, inputs and outputs of every module in every forward pass.

    One frame for each module that ran: the smallest and largest absolute value of each tensor. The last
    `max_frames_to_save` frames are shown when something is not finite. The frames of the batches in `trace_batch_nums`
    (from 0) are logged, whatever they hold; after batch `abort_after_batch_num` the run stops. Numbers are only read:
    they stay what they are. Every module waits for its device, so that runs are slower.
    """

    def __init__(
        self,
        model: nn.Module,
        max_frames_to_save: int = 21,
        trace_batch_nums: Collection[int] = (),
        abort_after_batch_num: int | None = None,
    ) -> None:
        self._model = unwrap(model)
        self._frames: deque[str] = deque(maxlen=max_frames_to_save)
        self._traced = set(trace_batch_nums)
        self._last_batch = abort_after_batch_num
        self._batch = 0
        self._hooks = [
            module.register_forward_hook(_Frame(self, name or "(the model)"), with_kwargs=True)
            for name, module in self._model.named_modules()
        ]

    def remove(self) -> None:
        """No module is looked at any more."""
        while self._hooks:
            self._hooks.pop().remove()

    def look(self, name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        lines = [f"{name}  {type(module).__name__}"]
        finite = True
        with torch.no_grad():
            for label, tensor in _labelled(module, inputs, output):
                text, fine = _extremes(tensor)
                lines.append(f"{text}  {label}")
                # Masks may hold infinities on purpose; what one does to a number shows in the output.
                finite = finite and (fine or label.startswith("input"))
        self._frames.append("\n".join(lines))
        if not finite:
            raise NonFiniteNumbersError(self._report(name))
        if module is self._model:
            self._end_of_batch()

    def _end_of_batch(self) -> None:
        if self._batch in self._traced:
            logger.info("batch %d\n%s", self._batch, "\n".join(self._frames))
        if self._last_batch is not None and self._batch >= self._last_batch:
            raise BatchLimitReachedError(f"stopped after batch {self._batch}, as abort_after_batch_num says")
        self._batch += 1
        self._frames.clear()

    def _report(self, name: str) -> str:
        return (
            f"inf or nan in {name}, in batch {self._batch} (from 0); the last {len(self._frames)} modules, "
            f"with the smallest and largest absolute values:\n  abs min    abs max\n" + "\n".join(self._frames)
        )


class _Frame:
    def __init__(self, owner: DebugUnderflowOverflow, name: str) -> None:
        self._owner = owner
        self._name = name

    def __call__(self, module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        self._owner.look(self._name, module, [*args, *kwargs.values()], output)


@contextmanager
def stopping_at_overflow(model: nn.Module) -> Iterator[None]:
    """While the block runs, the first infinity or nan raises NonFiniteNumbersError out of the forward pass."""
    watch = DebugUnderflowOverflow(model)
    try:
        yield
    finally:
        watch.remove()


def _labelled(module: nn.Module, inputs: Any, output: Any) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters(recurse=False)
    for label, value in (("input", inputs), ("output", output)):
        found = list(_tensors(value))
        for number, tensor in enumerate(found):
            yield (f"{label}[{number}]" if len(found) > 1 else label), tensor


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        if value.is_floating_point() or value.is_complex():
            yield value
        return
    entries = value.values() if hasattr(value, "values") else value
    if hasattr(value, "__dataclass_fields__") and not hasattr(value, "values"):
        entries = vars(value).values()
    if isinstance(entries, (list, tuple)) or entries is not value:
        for entry in entries:
            yield from _tensors(entry)


def _extremes(tensor: Tensor) -> tuple[str, bool]:
    if not tensor.numel():
        return "    empty      empty", True
    size = tensor.detach().abs()
    low, high = torch.stack([size.min().float(), size.max().float()]).tolist()
    return f"{low:9.2e}  {high:9.2e}", math.isfinite(low) and math.isfinite(high)
