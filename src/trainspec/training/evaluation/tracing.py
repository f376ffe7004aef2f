"""Evaluation through a traced module: the operations that one batch went through, replayed by TorchScript.

A trace holds for one structure of inputs with its shapes and number formats, so each is traced by itself. Where the
model decides on the values of tensors, a trace would repeat the first decision; torch warns of every such place, and
the traces are then compared with the model on another batch before they are believed. What cannot be traced runs as it
is, with one warning.
"""

from __future__ import annotations

import dataclasses
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from trainspec.training.model.inside import unwrap

logger = logging.getLogger(__name__)

# Not typed by torch.
_JIT: Any = torch.jit

# Past so many shapes, tracing them costs more than it can give; further ones run as they are.
_MOST_TRACES = 64


def traced(model: nn.Module) -> TracedModule:
    """What to call in the model's place for one evaluation; make it once the model is in evaluation mode."""
    return TracedModule(model)


class _UntraceableError(Exception):
    """The model takes or returns what a trace cannot hold."""


class TracedModule(nn.Module):
    """Stands for a model in evaluation: the same calls, the same outputs, the same attributes. The model is unchanged.

    Make a new one for each evaluation, as a trace of the weights as they are.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._model = unwrap(model)
        self.training = self._model.training
        self._traces: dict[Any, _Trace] = {}
        self._given_up = False

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("_model"), name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if self._given_up or self._model.training:
            return self._model(*args, **kwargs)
        try:
            return self._traced(args, kwargs)
        except Exception as error:
            self._given_up = True
            self._traces.clear()
            reason = str(error).strip().partition("\n")[0]
            logger.warning(
                "jit_mode_eval: %s cannot be traced (%s: %s); it is evaluated as it is",
                type(self._model).__name__,
                type(error).__name__.removeprefix("_"),
                reason,
            )
            return self._model(*args, **kwargs)

    def _traced(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        leaves, spec = tree_flatten((args, kwargs))
        key = (str(spec), tuple(map(_kind, leaves)), torch.is_autocast_enabled(_device_type(leaves)))
        if key not in self._traces:
            if len(self._traces) >= _MOST_TRACES:
                return self._model(*args, **kwargs)
            self._traces[key] = _Trace(self._model, leaves, spec)
        return self._traces[key].run(leaves, lambda: self._model(*args, **kwargs))


class _Trace:
    def __init__(self, model: nn.Module, leaves: list[Any], spec: TreeSpec) -> None:
        adapter = _Flat(model, leaves, spec)
        with _quiet() as warned:
            self._function = _JIT.trace(adapter, tuple(_tensors(leaves)), strict=False, check_trace=False)
        self._rebuild = adapter.rebuild
        self._example: list[Tensor] = _tensors(leaves)
        decisions = [item for item in warned if issubclass(item.category, _JIT.TracerWarning)]
        self._believed = not decisions

    def run(self, leaves: list[Any], model: Callable[[], Any]) -> Any:
        tensors = _tensors(leaves)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            flat = self._function(*tensors)
        outputs = self._rebuild(flat if isinstance(flat, (tuple, list)) else [flat])
        if self._believed or all(map(torch.equal, tensors, self._example)):
            return outputs
        true = model()
        torch.testing.assert_close(_flatten(outputs)[0], _flatten(true)[0], equal_nan=True)
        self._believed = True
        self._example = []
        return true


class _Flat(nn.Module):
    """Takes and returns tensors alone, as TorchScript wants it, and remembers how to put the outputs together."""

    rebuild: Callable[[Any], Any]

    def __init__(self, model: nn.Module, leaves: list[Any], spec: TreeSpec) -> None:
        super().__init__()
        self.model = model
        self.training = model.training
        self._leaves = [None if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        self._is_tensor = [isinstance(leaf, Tensor) for leaf in leaves]
        self._spec = spec

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        given = iter(tensors)
        leaves = [next(given) if own else leaf for own, leaf in zip(self._is_tensor, self._leaves, strict=True)]
        args, kwargs = tree_unflatten(leaves, self._spec)
        flat, self.__dict__["rebuild"] = _flatten(self.model(*args, **kwargs))
        return tuple(flat)


def _flatten(outputs: Any) -> tuple[list[Tensor], Callable[[Any], Any]]:
    """The tensors of an output, and what makes the same output of other tensors."""
    if isinstance(outputs, Tensor):
        return [outputs], lambda tensors: tensors[0]
    if outputs is None:
        return [], lambda tensors: None
    parts, build = _parts(outputs)
    flat = [_flatten(part) for part in parts]
    counts = [len(tensors) for tensors, _ in flat]

    def rebuild(tensors: Any) -> Any:
        start, rebuilt = 0, []
        for count, (_, part) in zip(counts, flat, strict=True):
            rebuilt.append(part(tensors[start : start + count]))
            start += count
        return build(rebuilt)

    return [tensor for tensors, _ in flat for tensor in tensors], rebuild


def _parts(outputs: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    kind: Any = type(outputs)
    if isinstance(outputs, Mapping):
        names = list(outputs)
        # Of the mappings that are dataclasses too, transformers' outputs, an entry left out is None.
        if hasattr(kind, "__dataclass_fields__"):
            return list(outputs.values()), lambda parts: kind(**dict(zip(names, parts, strict=True)))
        return list(outputs.values()), lambda parts: kind(dict(zip(names, parts, strict=True)))
    if isinstance(outputs, tuple) and hasattr(outputs, "_fields"):
        return list(outputs), lambda parts: kind(*parts)
    if isinstance(outputs, (tuple, list)):
        return list(outputs), kind
    if dataclasses.is_dataclass(outputs):
        fields = [entry.name for entry in dataclasses.fields(outputs)]
        return [getattr(outputs, name) for name in fields], lambda parts: kind(**dict(zip(fields, parts, strict=True)))
    raise _UntraceableError(f"it returns a {kind.__name__}, and a trace holds tensors alone")


def _tensors(leaves: list[Any]) -> list[Tensor]:
    return [leaf for leaf in leaves if isinstance(leaf, Tensor)]


def _kind(leaf: Any) -> Any:
    return (tuple(leaf.shape), leaf.dtype, leaf.device) if isinstance(leaf, Tensor) else leaf


def _device_type(leaves: list[Any]) -> str:
    return next((leaf.device.type for leaf in leaves if isinstance(leaf, Tensor)), "cpu")


@contextmanager
def _quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Tracing is deprecated in torch, which says so at every call; and autocast's cache must not enter a trace."""
    cached = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield warned
    finally:
        torch.set_autocast_cache_enabled(cached)
