"""Outputs of many batches as one nest of numpy arrays, joined along their rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy
import torch
from torch import Tensor

from trainspec.training.errors import OutputsError
from trainspec.training.model.counting import IGNORED_LABEL

_NUMPY_HAS = frozenset(
    {torch.float64, torch.float32, torch.float16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8}
    | {torch.bool, torch.complex64, torch.complex128, torch.uint16, torch.uint32, torch.uint64}
)
# What has no place for the ignored label, and what has.
_WIDER = {"bool": "int8", "uint8": "int16", "uint16": "int32", "uint32": "int64", "uint64": "int64"}
_FILLING = {"U": "", "S": b"", "O": None}
_ARRAYS = (numpy.ndarray, bool, int, float, complex, str, bytes, numpy.generic)


def detached(value: Any) -> Any:
    """The same nest without what is needed for gradients; a list of tensors is a tuple of outputs."""
    return _changed(value, Tensor.detach)


def as_arrays(value: Any) -> Any:
    """The same nest with numpy arrays in place of tensors."""
    return _changed(value, _array)


def _changed(value: Any, change: Callable[[Tensor], Any]) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, (dict, Mapping)):
        return {key: _changed(entry, change) for key, entry in value.items()}
    if isinstance(value, tuple) or (isinstance(value, list) and any(map(_holds_tensors, value))):
        return tuple(_changed(entry, change) for entry in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = {entry.name: getattr(value, entry.name) for entry in dataclasses.fields(value)}
        return {name: _changed(entry, change) for name, entry in named.items() if entry is not None}
    return value


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, (Tensor, tuple, Mapping)) or (isinstance(value, list) and any(map(_holds_tensors, value)))


def _array(tensor: Tensor) -> Any:
    if tensor.is_nested:
        tensor = torch.nested.to_padded_tensor(tensor, float(IGNORED_LABEL))
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if tensor.dtype not in _NUMPY_HAS:
        tensor = tensor.float()
    return tensor.detach().cpu().resolve_conj().resolve_neg().numpy()


def join(values: Sequence[Any], name: str) -> Any:
    """One nest from those of many batches: rows one below the other, shorter ones filled up with the ignored label.

    A number without dimension is a row. Raises OutputsError, which names what in `name` does not fit together.
    """
    if any(value is None for value in values):
        there = next((number for number, value in enumerate(values, start=1) if value is not None), None)
        if there is None:
            return None
        gone = next(number for number, value in enumerate(values, start=1) if value is None)
        raise _refused(name, f"batch {gone} has none, batch {there} has some")
    if all(isinstance(value, _ARRAYS) for value in values):
        return _joined_arrays([numpy.atleast_1d(numpy.asarray(value)) for value in values], name)
    if all(isinstance(value, (dict, Mapping)) for value in values):
        return _joined_mappings(values, name)
    if all(isinstance(value, tuple) for value in values):
        _same([len(value) for value in values], name, "{} entries".format)
        return tuple(join(column, f"{name}[{place}]") for place, column in enumerate(zip(*values, strict=True)))
    if all(isinstance(value, list) for value in values):
        return _joined_lists(values, name)
    kinds = [type(value).__name__ for value in values]
    _same(kinds, name, "a {}".format)
    raise _refused(name, f"nobody knows the rows of a {kinds[0]}")


def _joined_mappings(values: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    keys = dict.fromkeys(key for value in values for key in value)
    columns = {key: [value.get(key) for value in values] for key in keys}
    return {key: join(column, f"{name}[{key!r}]") for key, column in columns.items()}


def _joined_lists(values: Sequence[list[Any]], name: str) -> Any:
    """Rows of Python's own: an array of numbers or texts where their lengths allow one, else a list of all rows."""
    arrays = [_as_array(value) for value in values if value]
    known = [array for array in arrays if array is not None and array.dtype.kind != "O"]
    if known and len(known) == len(arrays) and len({(array.ndim, array.dtype.kind in "US") for array in known}) == 1:
        return _joined_arrays(known, name)
    return [row for value in values for row in value]


def _as_array(value: list[Any]) -> Any:
    try:
        return numpy.asarray(value)
    except ValueError:  # rows of several lengths
        return None


def _joined_arrays(arrays: Sequence[Any], name: str) -> Any:
    _same([array.ndim for array in arrays], name, "{} dimensions".format)
    _same([array.dtype.kind in "US" for array in arrays], name, lambda text: "texts" if text else "numbers")
    sizes = [array.shape[1:] for array in arrays]
    if all(size == sizes[0] for size in sizes):
        return numpy.concatenate(arrays)
    kind = numpy.result_type(*arrays)
    kind = numpy.dtype(_WIDER.get(kind.name, kind))
    whole = (sum(map(len, arrays)), *map(max, zip(*sizes, strict=True)))
    joined = numpy.full(whole, _FILLING.get(kind.kind, IGNORED_LABEL), kind)
    row = 0
    for array in arrays:
        joined[(slice(row, row + len(array)), *map(slice, array.shape[1:]))] = array
        row += len(array)
    return joined


def _same(found: Sequence[Any], name: str, say: Callable[[Any], str]) -> None:
    other = next((number for number, what in enumerate(found) if what != found[0]), None)
    if other is not None:
        raise _refused(name, f"batch 1 has {say(found[0])}, batch {other + 1} has {say(found[other])}")


def _refused(name: str, what: str) -> OutputsError:
    return OutputsError(
        f"{name} of several batches cannot be joined: {what}. Leave that output out with ignore_keys, make rows of it "
        "in preprocess_logits_for_metrics, or set eval_do_concat_batches: false, which keeps one entry a batch"
    )
