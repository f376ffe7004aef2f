"""Finding a batch size that fits: after an out-of-memory error the work is done again with half as many rows."""

from __future__ import annotations

import functools
import gc
import logging
import traceback
from collections.abc import Callable
from typing import Any

import torch

logger = logging.getLogger(__name__)

Work = Callable[..., Any]

# What torch's devices say, in lower case, where they raise a plain RuntimeError.
_MESSAGES = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "cudnn_status_not_supported",
    "cudnn_status_alloc_failed",
    "cublas_status_alloc_failed",
    "allocation failed",
)


def find_executable_batch_size(
    function: Work | None = None, starting_batch_size: int = 128, auto_find_batch_size: bool = False
) -> Any:
    """A decorator that gives `function` a batch size as its first argument, in rows.

    With `auto_find_batch_size` that is halved, rounded down, each time `function` raises an out-of-memory error; at 1
    the error is raised. Each call starts from `starting_batch_size`.
    """
    if function is None:
        return functools.partial(
            find_executable_batch_size,
            starting_batch_size=starting_batch_size,
            auto_find_batch_size=auto_find_batch_size,
        )

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not auto_find_batch_size:
            return function(starting_batch_size, *args, **kwargs)
        return _halving(function, starting_batch_size, args, kwargs)

    return call


def _halving(function: Work, size: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    while True:
        try:
            return function(size, *args, **kwargs)
        except Exception as error:
            if size <= 1 or not is_out_of_memory(error):
                raise
            logger.warning("out of memory with batches of %d rows, starting again with %d", size, size // 2)
            _forget_frames(error)
        # Outside of the except clause, which would hold the error and all that its frames hold.
        size //= 2
        free_memory()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch may keep this error, or the one it was raised from, from happening."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if isinstance(error, RuntimeError) and any(message in str(error).lower() for message in _MESSAGES):
        return True
    return error.__cause__ is not None and is_out_of_memory(error.__cause__)


def free_memory() -> None:
    """Give back what nobody uses any more: cycles of objects, and what the allocators of devices keep."""
    gc.collect()
    for name in ("cuda", "xpu", "mps"):
        device = getattr(torch, name, None)
        if device is not None and device.is_available():
            device.empty_cache()


def _forget_frames(error: BaseException | None) -> None:
    """The local variables of the frames that an error went through hold the tensors that were too many."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
