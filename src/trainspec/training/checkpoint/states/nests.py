"""Nests of plain values and tensors as a JSON document and the tensors that it names, and back, exact to the bit.

Plain JSON is itself. What JSON lacks stands in an object with one key: {"$tensor": "state.layer.weight.exp_avg"},
{"$tuple": [...]}, {"$float": "nan"}, {"$dict": [[key, value], ...]} where keys are no texts. A tensor whose dimensions
do not lie row by row in memory says how they do, from the outermost: {"$laid": [{"$tensor": ...}, [1, 0]]}; laid out
otherwise, kernels would add up in another order. Nothing names code: of classes there are only the ones listed here,
and those that the reader allows.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Mapping
from enum import Enum
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainspec.training.checkpoint.tensor_files import dtype_name
from trainspec.training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Path = tuple[Any, ...]
_DEEPEST = 48
# Numbers, not weights: a learning rate that is a tensor, the rates of a schedule.
_MOST_INLINE = 4096
_NOT_FINITE = frozenset({"nan", "inf", "-inf"})


class UnsavableError(TrainingError, TypeError):
    """A state that neither safetensors nor JSON can hold: the message names where in it what is."""


class DamagedNest(ValueError):
    """A document that is no nest, or not of the tensors beside it."""


def outlined(nest: Any, what: str, tensors: dict[str, Tensor] | None = None) -> Any:
    """The nest as JSON. Its tensors are put into `tensors` by their place in it; without that, into the document.

    `what` is the name of the whole in messages. Raises UnsavableError.
    """
    return _Outline(what, tensors).of(nest, ())


def filled(document: Any, tensors: Mapping[str, Any], safe_types: Sequence[type] = (), *, all_used: bool = True) -> Any:
    """The nest that `outlined` made a document of, with what `tensors` has by its names. Raises DamagedNest.

    `safe_types` are the classes of tensors that may be made besides torch's own.
    """
    filling = _Filling(tensors, {_place(kind): kind for kind in safe_types if isinstance(kind, type)})
    nest = filling.of(document, 0)
    unused = sorted(tensors.keys() - filling.used) if all_used else []
    if unused:
        raise DamagedNest(f"nothing names the tensor {unused[0]}")
    return nest


def order_in_memory(tensor: Tensor) -> list[int] | None:
    """The dimensions from the outermost in memory; None where they lie row by row, as what is read does."""
    if tensor.dim() < 2 or tensor.is_contiguous() or not tensor.numel():
        return None
    strides = tensor.stride()
    order = sorted(range(tensor.dim()), key=lambda dimension: -strides[dimension])
    return order if order != sorted(order) else None


def laid_in_order(tensor: Tensor, order: list[int]) -> Tensor:
    """The same values with the dimensions in that order in memory. Raises DamagedNest for what is no order."""
    if not isinstance(order, list) or any(type(each) is not int for each in order):
        raise DamagedNest("the order of a tensor's dimensions is missing")
    if sorted(order) != list(range(tensor.dim())):
        raise DamagedNest(f"{order} orders no {tensor.dim()} dimensions")
    back = sorted(range(len(order)), key=order.__getitem__)
    return tensor.permute(order).contiguous().permute(back)


def _place(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


class _Outline:
    def __init__(self, what: str, tensors: dict[str, Tensor] | None) -> None:
        self._what = what
        self._tensors = tensors

    def of(self, value: Any, path: Path) -> Any:
        if value is None or type(value) in (bool, str):
            return value
        if isinstance(value, Tensor):
            return self._tensor(value, path)
        if len(path) > _DEEPEST:
            raise self._refused(path, "is nested too deeply")
        if isinstance(value, Enum):
            raise self._refused(path, f"is a {type(value).__qualname__}")
        plain = self._plain(value)
        if plain is not None:
            return plain
        if isinstance(value, (dict, Mapping)):
            return self._mapping(value, path)
        if type(value) in (list, tuple, set, frozenset, torch.Size):
            entries = [self.of(entry, (*path, number)) for number, entry in enumerate(value)]
            kinds: dict[Any, str | None] = {
                list: None,
                tuple: "$tuple",
                set: "$set",
                frozenset: "$frozenset",
                torch.Size: "$size",
            }
            kind = kinds[type(value)]
            return entries if kind is None else {kind: entries}
        raise self._refused(path, f"is a {type(value).__module__}.{type(value).__qualname__}")

    @staticmethod
    def _plain(value: Any) -> Any:
        # Numbers of numpy, whose values are what counts, are numbers.
        if type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"):
            return bool(value)
        if isinstance(value, Integral):
            return int(value)
        if isinstance(value, Real):
            number = float(value)
            return number if math.isfinite(number) else {"$float": repr(number)}
        if isinstance(value, complex):
            return {"$complex": [repr(value.real), repr(value.imag)]}
        if isinstance(value, str):
            return str(value)
        if type(value) is bytes:
            return {"$bytes": value.hex()}
        if isinstance(value, torch.dtype):
            return {"$dtype": str(value).removeprefix("torch.")}
        return {"$device": str(value)} if isinstance(value, torch.device) else None

    def _mapping(self, value: Mapping[Any, Any], path: Path) -> Any:
        kind = {Counter: "$counter", OrderedDict: "$ordered"}.get(type(value))
        if kind is None and all(type(key) is str and not key.startswith("$") for key in value):
            return {key: self.of(entry, (*path, key)) for key, entry in value.items()}
        pairs = [[self._key(key, path), self.of(entry, (*path, key))] for key, entry in value.items()]
        return {kind or "$dict": pairs}

    def _key(self, key: Any, path: Path) -> Any:
        if isinstance(key, Tensor) or not isinstance(key, (str, int, float, bool, tuple, type(None))):
            raise self._refused(path, f"has a key that is a {type(key).__qualname__}")
        return self.of(key, (*path, "its keys"))

    def _tensor(self, value: Tensor, path: Path) -> Any:
        if type(value) not in (Tensor, nn.Parameter):
            return self._made_of_others(value, path)
        if value.layout != torch.strided:
            raise self._refused(path, "is a sparse tensor")
        if value.is_meta:
            raise self._refused(path, "is a tensor without values")
        try:
            name = dtype_name(value.dtype)
        except TypeError:
            raise self._refused(path, f"is a tensor of {value.dtype}") from None
        if self._tensors is None:
            return self._inline(value, name, path)
        named = unique = ".".join(map(str, path)) or "value"
        number = 2
        while unique in self._tensors:
            unique, number = f"{named}#{number}", number + 1
        self._tensors[unique] = value.detach()
        outlined, order = {"$tensor": unique}, order_in_memory(value)
        return outlined if order is None else {"$laid": [outlined, order]}

    def _inline(self, value: Tensor, name: str, path: Path) -> Any:
        if value.numel() > _MOST_INLINE or value.is_complex() or name.startswith("F8"):
            raise self._refused(path, f"is a tensor of {value.numel():,} elements of {value.dtype}")
        entries = [self._plain(entry) if type(entry) is not bool else entry for entry in value.reshape(-1).tolist()]
        return {"$values": {"dtype": str(value.dtype).removeprefix("torch."), "shape": [*value.shape], "data": entries}}

    def _made_of_others(self, value: Tensor, path: Path) -> Any:
        taken_apart = getattr(value, "__tensor_flatten__", None)
        if taken_apart is None:
            raise self._refused(path, f"is a {_place(type(value))}")
        names, context = taken_apart()
        inner = {name: self.of(getattr(value, name), (*path, name)) for name in names}
        return {
            "$made": {
                "of": _place(type(value)),
                "tensors": inner,
                "context": self.of(context, (*path, "context")),
                "size": [*value.shape],
                "stride": [*value.stride()],
            }
        }

    def _refused(self, path: Path, why: str) -> UnsavableError:
        place = ".".join(map(str, path)) or "it"
        return UnsavableError(
            f"{self._what} cannot be saved: {place} {why}; a checkpoint is safetensors and JSON, which hold tensors, "
            "numbers, texts, lists and mappings: have state_dict() return these"
        )


class _Filling:
    def __init__(self, tensors: Mapping[str, Any], allowed: Mapping[str, type]) -> None:
        self._tensors = tensors
        self._allowed = allowed
        self.used: set[str] = set()
        self._kinds: dict[str, Callable[[Any, int], Any]] = {
            "$tensor": self._tensor,
            "$laid": self._laid,
            "$tuple": lambda value, depth: tuple(self._list(value, depth)),
            "$set": lambda value, depth: set(self._list(value, depth)),
            "$frozenset": lambda value, depth: frozenset(self._list(value, depth)),
            "$size": lambda value, depth: torch.Size(self._list(value, depth)),
            "$dict": lambda value, depth: dict(self._pairs(value, depth)),
            "$ordered": lambda value, depth: OrderedDict(self._pairs(value, depth)),
            "$counter": lambda value, depth: Counter(dict(self._pairs(value, depth))),
            "$float": self._float,
            "$complex": lambda value, _: complex(*(float(part) for part in self._of_length(value, 2))),
            "$bytes": lambda value, _: bytes.fromhex(value),
            "$dtype": lambda value, _: self._dtype(value),
            "$device": lambda value, _: torch.device(value),
            "$values": self._values,
            "$made": self._made,
        }

    def of(self, document: Any, depth: int) -> Any:
        if depth > 2 * _DEEPEST:
            raise DamagedNest("it is nested too deeply")
        if isinstance(document, list):
            return self._list(document, depth)
        if not isinstance(document, dict):
            return document
        kind = next(iter(document)) if len(document) == 1 else None
        if kind is None or not kind.startswith("$"):
            return {key: self.of(entry, depth + 1) for key, entry in document.items()}
        make = self._kinds.get(kind)
        if make is None:
            raise DamagedNest(f"it has a value of the unknown kind {kind}")
        try:
            return make(document[kind], depth + 1)
        except DamagedNest:
            raise
        except (
            ValueError,
            TypeError,
            LookupError,
            RuntimeError,
            OverflowError,
            AttributeError,
            AssertionError,
        ) as error:
            raise DamagedNest(f"a value of the kind {kind} cannot be read ({error})") from None

    def _list(self, value: Any, depth: int) -> list[Any]:
        if not isinstance(value, list):
            raise DamagedNest("a list is missing")
        return [self.of(entry, depth + 1) for entry in value]

    def _pairs(self, value: Any, depth: int) -> list[tuple[Any, Any]]:
        return [tuple(self._of_length(pair, 2)) for pair in self._list(value, depth)]

    @staticmethod
    def _of_length(value: Any, length: int) -> list[Any]:
        if not isinstance(value, list) or len(value) != length:
            raise DamagedNest(f"a list of {length} is missing")
        return value

    def _tensor(self, name: Any, depth: int) -> Any:
        if not isinstance(name, str) or name not in self._tensors:
            raise DamagedNest(f"the tensor {name} is missing")
        self.used.add(name)
        return self._tensors[name]

    def _laid(self, value: Any, depth: int) -> Any:
        outlined, order = self._of_length(value, 2)
        tensor = self.of(outlined, depth)
        # What is read later is laid out as what it is copied into.
        return laid_in_order(tensor, order) if isinstance(tensor, Tensor) else tensor

    @staticmethod
    def _float(value: Any, depth: int) -> float:
        if value not in _NOT_FINITE:
            raise DamagedNest("a float is missing")
        return float(value)

    @staticmethod
    def _dtype(name: Any) -> torch.dtype:
        found = getattr(torch, name) if isinstance(name, str) else None
        if not isinstance(found, torch.dtype):
            raise DamagedNest("the name of a dtype is missing")
        return found

    def _values(self, value: Any, depth: int) -> Tensor:
        entries = self._list(value["data"], depth)
        if len(entries) > _MOST_INLINE or not all(isinstance(entry, (bool, int, float)) for entry in entries):
            raise DamagedNest("the values of a tensor are no numbers")
        return torch.tensor(entries, dtype=self._dtype(value["dtype"])).reshape(value["shape"])

    def _made(self, value: Any, depth: int) -> Any:
        kind: Any = self._allowed.get(value["of"])
        if kind is None:
            raise DamagedNest(f"it has a {value['of']}, which this optimizer's state is not made of")
        inner = {name: self.of(entry, depth + 1) for name, entry in value["tensors"].items()}
        if not all(isinstance(entry, Tensor) for entry in inner.values()):
            raise DamagedNest(f"a {value['of']} is not made of tensors")
        size, stride = torch.Size(value["size"]), tuple(value["stride"])
        return kind.__tensor_unflatten__(inner, self.of(value["context"], depth + 1), size, stride)
