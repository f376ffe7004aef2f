"""Where random numbers come from: seeds that share nothing, and a place to draw without anybody noticing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy
import torch


def mixed_seed(*numbers: int) -> int:
    """A seed from several numbers, 0 or above; unlike a sum, it gives neighbours nothing in common."""
    return int(numpy.random.SeedSequence(numbers).generate_state(1)[0])


def seed_generators(*numbers: int) -> None:
    """Set Python's, numpy's and torch's generators on the CPU, each to a seed of its own."""
    for_python, for_numpy, for_torch = numpy.random.SeedSequence(numbers).generate_state(3)
    random.seed(int(for_python))
    numpy.random.seed(for_numpy)
    torch.default_generator.manual_seed(int(for_torch))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Whatever is drawn inside, the generators go on afterwards as if it had not been.

    Covers Python, numpy, torch on the CPU and the current CUDA device.
    """
    python, numbers = random.getstate(), numpy.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            random.setstate(python)
            numpy.random.set_state(numbers)
