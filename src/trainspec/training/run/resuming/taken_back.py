"""What an update that is broken off has drawn is taken back: whoever goes on from the one before makes it anew."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import numpy
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds of an update beside which nobody notices that all generators are looked at.
_LONG = 0.1


class DrawsOfUpdate:
    """Of one run. torch's generator on the CPU is noted before every update; the others, which take a hundred times as
    long to look at, before the first one and wherever the update before took a while: short ones are not broken off.
    """

    def __init__(self) -> None:
        self._began = 0.0
        self._torch: torch.Tensor | None = None
        self._others: list[Callable[[], object]] = []

    def begin(self) -> None:
        """Everything that is drawn from here on is of the next update, its rows included."""
        now = time.monotonic()
        self._others = _others() if now - self._began > _LONG else []
        self._began, self._torch = now, torch.get_rng_state()

    def keep(self) -> None:
        """The update is made."""
        self._torch = None

    def take_back(self) -> None:
        """The update, if one was begun, is not made."""
        if self._torch is None:
            return
        torch.set_rng_state(self._torch)
        for restore in self._others:
            restore()
        self._torch = None


def _others() -> list[Callable[[], object]]:
    in_python, in_numpy = random.getstate(), numpy.random.get_state(legacy=False)
    ways: list[Callable[[], object]] = [lambda: random.setstate(in_python), lambda: numpy.random.set_state(in_numpy)]
    if torch.cuda.is_available():
        devices = torch.cuda.get_rng_state_all()
        ways.append(lambda: torch.cuda.set_rng_state_all(devices))
    return ways
