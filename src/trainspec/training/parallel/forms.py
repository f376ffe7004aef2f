"""What a nest of tensors looks like, as JSON: so that processes can tell each other before they send tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# JSON with one key: "tensor" (dtype, shape, device), "mapping" (keys with forms), "tuple" or "list" (forms); or None.
Form = Any


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


def form_of(nest: Any) -> Form:
    """Raises TypeError for what is neither a tensor nor a nest of them, nor None."""
    if isinstance(nest, Tensor):
        return {"tensor": [str(nest.dtype).removeprefix("torch."), list(nest.shape), nest.device.type]}
    if isinstance(nest, Mapping):
        return {"mapping": [[key, form_of(entry)] for key, entry in nest.items()]}
    if isinstance(nest, (tuple, list)):
        return {"tuple" if isinstance(nest, tuple) else "list": [form_of(entry) for entry in nest]}
    if nest is None:
        return None
    raise TypeError(f"a {type(nest).__name__} is no tensor and cannot be gathered")


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
    return {kind: [outline(entry) for entry in content]}


def leaves(form: Form) -> Iterator[Leaf]:
    """The tensors in the order in which map_tensors meets them."""
    if form is None:
        return
    ((kind, content),) = form.items()
    if kind == "tensor":
        yield Leaf(getattr(torch, content[0]), content[1], content[2])
        return
    for entry in content:
        yield from leaves(entry[1] if kind == "mapping" else entry)


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
    if kind == "mapping":
        return {key: filled(entry, values) for key, entry in content}
    entries = [filled(entry, values) for entry in content]
    return tuple(entries) if kind == "tuple" else entries
