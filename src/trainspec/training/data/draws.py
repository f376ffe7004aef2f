"""Where random numbers come from: seeds that share nothing, and a place to draw without anybody noticing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
# Of python's, numpy's and torch's generators.
Draws = tuple[Any, Any, Any]


def mixed_seed(*numbers: int) -> int:
    """A seed from several numbers, 0 or above; unlike a sum, it gives neighbours nothing in common."""
    return int(numpy.random.SeedSequence(numbers).generate_state(1)[0])


def seed_generators(*numbers: int) -> None:
    """Set Python's, numpy's and torch's generators on the CPU, each to a seed of its own."""
    for_python, for_numpy, for_torch = numpy.random.SeedSequence(numbers).generate_state(3)
    random.seed(int(for_python))
    numpy.random.seed(for_numpy)
    torch.default_generator.manual_seed(int(for_torch))


class OwnDraws:
    """Generators apart from those of the program: inside, python, numpy and torch on the CPU draw from these.

    Entered again they go on where they were left.
    """

    def __init__(self, *numbers: int) -> None:
        outside = draws_of_program()
        seed_generators(*numbers)
        self._inside = draws_of_program()
        set_draws(outside)
        self._outside = outside

    @property
    def inside(self) -> Draws:
        """Where they are when they are left."""
        return self._inside

    def __enter__(self) -> None:
        self._outside = draws_of_program()
        set_draws(self._inside)

    def __exit__(self, *error: object) -> None:
        self._inside = draws_of_program()
        set_draws(self._outside)


def draws_of_program() -> Draws:
    """Where the program's generators are: python's, numpy's and torch's on the CPU."""
    return random.getstate(), numpy.random.get_state(), torch.get_rng_state()


def same_draws(one: Draws, other: Draws) -> bool:
    """Whether both are at the same place."""
    return one[0] == other[0] and _same_in_numpy(one[1], other[1]) and torch.equal(one[2], other[2])


def _same_in_numpy(one: Any, other: Any) -> bool:
    if not isinstance(one, tuple) or not isinstance(other, tuple):
        # Of another kind than the one that numpy begins with.
        return str(one) == str(other)
    return one[0] == other[0] and one[2:] == other[2:] and bool((one[1] == other[1]).all())


def draws_nothing(action: Callable[[], T]) -> tuple[T, bool]:
    """What `action` returns, and whether python's, numpy's and torch's generators on the CPU stand where they stood."""
    before = draws_of_program()
    returned = action()
    return returned, same_draws(draws_of_program(), before)


def set_draws(states: Draws) -> None:
    """Have the program's generators go on there."""
    random.setstate(states[0])
    numpy.random.set_state(states[1])
    torch.set_rng_state(states[2])


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
