"""What a nest of tensors looks like, as JSON: so that processes can tell each other before they send tensors."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# JSON with one key: "tensor" (dtype, shape, device), "mapping" (keys with forms), "tuple" or "list" (forms), "plain" (a
# text or a number as it is), "object" (the size of its pickle); or None.
Form = Any
_PLAIN = (str, bool, int, float)


@dataclass(frozen=True)
class Leaf:
    """A tensor without its content."""

    dtype: torch.dtype
    shape: list[int]
    device: str

    @property
    def size(self) -> int:
        """In bytes."""
        return self.dtype.itemsize * torch.Size(self.shape).numel()

    def read(self, data: Tensor) -> Tensor:
        """The tensor that these bytes are."""
        return data.view(self.dtype).reshape(self.shape)


def form_of(nest: Any, other: Callable[[Any], Form] | None = None) -> Form:
    """Raises TypeError for what is neither a tensor nor a nest of them, nor None, unless `other` gives its form."""
    if isinstance(nest, Tensor):
        return {"tensor": [str(nest.dtype).removeprefix("torch."), list(nest.shape), nest.device.type]}
    if isinstance(nest, Mapping):
        return {"mapping": [[key, form_of(entry, other)] for key, entry in nest.items()]}
    if isinstance(nest, (tuple, list)):
        return {"tuple" if isinstance(nest, tuple) else "list": [form_of(entry, other) for entry in nest]}
    if nest is None:
        return None
    if other is not None and (found := other(nest)) is not None:
        return found
    raise TypeError(f"a {type(nest).__name__} is no tensor and cannot be gathered")


def plain_form(value: Any) -> Form:
    """Of a text or a number, None for anything else."""
    return {"plain": value} if type(value) in _PLAIN else None


class Pickles:
    """Takes objects in the place of tensors, as bytes: for what goes from process to process of one run alone."""

    def __init__(self) -> None:
        self.found: list[Tensor] = []

    def form(self, value: Any) -> Form:
        """Raises TypeError for what cannot be pickled."""
        try:
            data = pickle.dumps(value)
        except Exception as error:  # whatever the object raises
            raise TypeError(f"a {type(value).__name__} cannot be pickled: {error}") from error
        self.found.append(torch.frombuffer(bytearray(data), dtype=torch.uint8))
        return {"object": len(data)}


def outline(form: Form) -> Form:
    """What must be the same in every process: all but the number of rows and their length."""
    if form is None:
        return None
    ((kind, content),) = form.items()
    if kind == "tensor":
        dtype, shape, device = content
        return {"tensor": [dtype, len(shape), shape[2:], device]}
    if kind == "mapping":
        return {"mapping": [[key, outline(entry)] for key, entry in content]}
    if kind in ("plain", "object"):
        return {kind: None}
    return {kind: [outline(entry) for entry in content]}


def leaves(form: Form) -> Iterator[Leaf]:
    """The tensors in the order in which map_tensors meets them."""
    if form is None:
        return
    ((kind, content),) = form.items()
    if kind == "tensor":
        yield Leaf(getattr(torch, content[0]), content[1], content[2])
        return
    if kind == "object":
        yield Leaf(torch.uint8, [content], "cpu")
        return
    if kind == "plain":
        return
    for entry in content:
        yield from leaves(entry[1] if kind == "mapping" else entry)


def objects_among(form: Form) -> Iterator[bool]:
    """Of each of the leaves, whether it is an object rather than a tensor."""
    if form is None:
        return
    ((kind, content),) = form.items()
    if kind in ("tensor", "object"):
        yield kind == "object"
    elif kind != "plain":
        for entry in content:
            yield from objects_among(entry[1] if kind == "mapping" else entry)


def tensors(nest: Any) -> Iterator[Tensor]:
    """Those of a nest, in the same order."""
    if isinstance(nest, Tensor):
        yield nest
    elif isinstance(nest, (Mapping, tuple, list)):
        for entry in nest.values() if isinstance(nest, Mapping) else nest:
            yield from tensors(entry)


def filled(form: Form, values: Iterator[Tensor]) -> Any:
    """A nest of that form which holds these tensors."""
    if form is None:
        return None
    ((kind, content),) = form.items()
    if kind == "tensor":
        return next(values)
    if kind == "plain":
        return content
    if kind == "object":
        return pickle.load(io.BytesIO(next(values).numpy().tobytes()))
    if kind == "mapping":
        return {key: filled(entry, values) for key, entry in content}
    entries = [filled(entry, values) for entry in content]
    return tuple(entries) if kind == "tuple" else entries
