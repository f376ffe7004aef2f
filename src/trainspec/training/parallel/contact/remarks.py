"""What torch's C++ code prints in every process alike: once is enough."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

_STDERR = 2


class LinesLeftOut:
    """Between start() and end() no line of standard error is printed, and then those without `words` in them are."""

    def __init__(self, words: str) -> None:
        self._words = words.encode()
        self._kept: Any = None
        self._before = -1

    def start(self) -> None:
        if self._before >= 0:
            return
        sys.stderr.flush()
        self._kept = tempfile.TemporaryFile()  # noqa: SIM115 - end() closes it
        self._before = os.dup(_STDERR)
        os.dup2(self._kept.fileno(), _STDERR)

    def end(self) -> None:
        if self._before < 0:
            return
        sys.stderr.flush()
        os.dup2(self._before, _STDERR)
        os.close(self._before)
        self._before = -1
        with self._kept as kept:
            kept.seek(0)
            rest = b"".join(line for line in kept if self._words not in line)
        if rest:
            with suppress(OSError):
                os.write(_STDERR, rest)


def left_out_of_first_pass(wrapper: nn.Module, inner: nn.Module, words: str) -> None:
    """What `wrapper` prints in its first training pass, after the forward of `inner`, is left out if it has `words`.

    torch prints such a line once in the life of a process.
    """
    lines = LinesLeftOut(words)
    hooks: list[Any] = []
    # Somebody may call the model itself: then nobody would end what is begun.
    inside: list[None] = []

    def at_the_beginning(module: nn.Module, args: Any) -> None:
        inside.append(None)

    def before_the_end(module: nn.Module, args: Any, output: Any) -> None:
        if module.training and inside:
            lines.start()

    def at_the_end(module: nn.Module, args: Any, output: Any) -> None:
        lines.end()
        inside.clear()
        if module.training:
            for hook in hooks:
                hook.remove()

    begin: Callable[..., Any] = at_the_beginning
    end: Callable[..., Any] = at_the_end
    hooks.append(wrapper.register_forward_pre_hook(begin))
    hooks.append(inner.register_forward_hook(before_the_end))
    hooks.append(wrapper.register_forward_hook(end, always_call=True))
