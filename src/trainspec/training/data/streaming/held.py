"""Generators that samplers, or streams, hold themselves."""

from __future__ import annotations

import random
import zlib
from typing import Any
from weakref import WeakKeyDictionary

import numpy
import torch
from torch.utils.data import BatchSampler, IterableDataset, Sampler

from trainspec.training.data.draws import mixed_seed

_first_states: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()
_first_seeds: WeakKeyDictionary[torch.Generator, int] = WeakKeyDictionary()


def begin_generator(generator: torch.Generator, epoch: int) -> None:
    """Have it begin the epoch as it would in any other run: the first with the seed it was made with."""
    first = _first_seeds.setdefault(generator, generator.initial_seed())
    generator.manual_seed(mixed_seed(first, epoch) if epoch else first)


def begin_held_generators(part: Any, epoch: int) -> None:
    """Have the generators that a sampler, or a stream, holds begin the epoch as they would in any other run.

    The first epoch has the state that they were made with.
    """
    if not isinstance(part, Sampler | BatchSampler | IterableDataset) and not hasattr(part, "__iter__"):
        return
    for name, value in list(getattr(part, "__dict__", {}).items()):
        if isinstance(value, random.Random | numpy.random.Generator | numpy.random.RandomState):
            first = _first_states.setdefault(part, {}).setdefault(name, _state(value))
            _begin(value, first, epoch)
        elif isinstance(value, torch.Generator) and value is not torch.default_generator:
            begin_generator(value, epoch)


def _state(generator: Any) -> Any:
    if isinstance(generator, random.Random):
        return generator.getstate()
    return generator.bit_generator.state if isinstance(generator, numpy.random.Generator) else generator.get_state()


def _begin(generator: Any, first: Any, epoch: int) -> None:
    seed = mixed_seed(zlib.crc32(repr(first).encode()), epoch)
    if isinstance(generator, random.Random):
        generator.seed(seed) if epoch else generator.setstate(first)
    elif isinstance(generator, numpy.random.Generator):
        generator.bit_generator.state = type(generator.bit_generator)(seed).state if epoch else first
    else:
        generator.seed(seed) if epoch else generator.set_state(first)
