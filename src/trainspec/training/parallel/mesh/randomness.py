"""Random numbers where processes of a group hold different features, or experts: different in each.

Everywhere else these processes must draw the same numbers, so that what they hold whole stays the same. Between a
colwise module and the rowwise one that follows, each draws from a stream of its own, which is made of the common one:
of its state, of the module and of the rank. So it needs no place in a checkpoint, and activations that are recomputed
meet the same numbers again. The common stream moves on by one number for each stretch in which some were drawn.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn


class OwnStreams:
    """Of one model and one device."""

    def __init__(self, rank: int, device_type: str) -> None:
        self._rank = rank
        self._device_type = device_type
        self._common: Tensor | None = None
        self._begun: Tensor | None = None

    def follow(self, model: nn.Module, opening: list[str], closing: list[str]) -> None:
        """Watch these modules: what comes after one of the first, up to one of the others, is a stretch."""

        def opener(number: int) -> Any:
            def after(module: nn.Module, args: Any, output: Any) -> None:
                if module.training and torch.is_grad_enabled() and not torch.compiler.is_compiling():
                    self._open(number)

            return after

        def close(*_: Any) -> None:
            if self._common is not None:
                self._close()

        for name in (*opening, *closing):
            # The input of another opening one is common again: the stretch of a neighbour with the same input ends.
            model.get_submodule(name).register_forward_pre_hook(close)
        for number, name in enumerate(opening):
            model.get_submodule(name).register_forward_hook(opener(number))
        # A recomputation breaks off where it has what it needs, also in the middle of a stretch.
        for name in sorted({_around(name, closing) for name in opening}):
            model.get_submodule(name).register_forward_hook(close, always_call=True)

    def during(self, module: nn.Module, number: int) -> None:
        """All that this module does is a stretch; each has another number."""

        def before(module: nn.Module, args: Any) -> None:
            if module.training and torch.is_grad_enabled() and not torch.compiler.is_compiling():
                self._open(number)

        def after(*_: Any) -> None:
            if self._common is not None:
                self._close()

        module.register_forward_pre_hook(before)
        module.register_forward_hook(after, always_call=True)

    @contextmanager
    def aside(self, number: int) -> Iterator[None]:
        """A stretch of this process alone, which leaves no trace in the common stream: move_on() does, in all."""
        generator = self._generator()
        self._open(number)
        common, self._common, self._begun = self._common, None, None
        assert common is not None, "a stretch was opened"
        try:
            yield
        finally:
            generator.set_state(common)

    def move_on(self) -> None:
        """By one number: so stretches that follow are others than those before."""
        generator = self._generator()
        torch.rand((), generator=generator, device=generator.device)

    def _open(self, number: int) -> None:
        generator = self._generator()
        self._common = generator.get_state()
        told = bytes(self._common.numpy().tobytes()) + f"{number} {self._rank}".encode()
        generator.manual_seed(int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "big") >> 1)
        self._begun = generator.get_state()

    def _close(self) -> None:
        generator, common, begun = self._generator(), self._common, self._begun
        self._common = self._begun = None
        assert common is not None and begun is not None, "a stretch was opened"
        drawn = not torch.equal(generator.get_state(), begun)
        generator.set_state(common)
        if drawn:
            self.move_on()

    def _generator(self) -> torch.Generator:
        if self._device_type == "cpu":
            return torch.default_generator
        module = torch.get_device_module(self._device_type)
        generator: torch.Generator = module.default_generators[module.current_device()]
        return generator


def _around(name: str, closing: list[str]) -> str:
    """The innermost module with both the opening one and one that closes what it opens; the whole model else."""
    path = name.split(".")[:-1]
    while path and not any(other.startswith(".".join(path) + ".") for other in closing):
        path.pop()
    return ".".join(path)
