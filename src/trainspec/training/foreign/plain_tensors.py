"""A tensor out of a torch file of somebody else's, without an unpickler: nothing in it is called, or even imported.

The pickle is read instruction by instruction. The few that it takes to write a mapping with a tensor are known, and
build names and numbers; any other one is refused.
"""

from __future__ import annotations

import io
import math
import pickletools
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from trainspec.training.checkpoint.states.archives import archive_problem

_LARGEST_PICKLE, _MOST_INSTRUCTIONS = 1 << 20, 10_000
_STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
}
_TENSOR, _MAPPING = "torch._utils _rebuild_tensor_v2", "collections OrderedDict"
_NAMES = {_TENSOR, _MAPPING, *(f"torch {name}" for name in _STORAGES)}
_VALUES = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE"}
_NOTHING = {"PROTO", "FRAME", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
_DEEPEST = 16
# What reading a file that is no such one comes to.
_DAMAGES = (
    EOFError,
    OSError,
    zipfile.BadZipFile,
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


class StrangeFileError(ValueError):
    """A file that holds something else than a mapping with a plain tensor."""


class _Name(NamedTuple):
    """Of code, which is not looked at."""

    name: str


class _Storage(NamedTuple):
    dtype: torch.dtype
    key: str
    length: int


class _Described(NamedTuple):
    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _Mark:
    """Where in the stack the entries of something begin."""


_NEW: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "MARK": _Mark,
}


def plain_tensor(data: bytes, key: str) -> Tensor:
    """The tensor under that key of the mapping in a torch file. Raises StrangeFileError."""
    problem = archive_problem(data) or (None if data.startswith(b"PK") else "it is no archive of torch's")
    if problem is not None:
        raise StrangeFileError(problem)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            (pickle,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            folder = pickle.removesuffix("data.pkl")
            if archive.getinfo(pickle).file_size > _LARGEST_PICKLE:
                raise StrangeFileError("what describes its tensors is of unlikely size")
            if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
                raise StrangeFileError("its numbers have another byte order")
            nest = _described(archive.read(pickle))
            found = nest.get(key) if isinstance(nest, dict) else None
            if not isinstance(found, _Described):
                raise StrangeFileError(f"it holds no tensor {key!r}")
            return _filled(found, archive.read(f"{folder}data/{found.storage.key}"))
    except StrangeFileError:
        raise
    except _DAMAGES as error:
        raise StrangeFileError(f"it cannot be read ({type(error).__name__}: {error})") from None


def _described(pickle: bytes) -> Any:
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    for number, (instruction, given, _) in enumerate(pickletools.genops(pickle)):
        name = instruction.name
        if number >= _MOST_INSTRUCTIONS:
            raise StrangeFileError("its description is too long")
        if name == "STOP":
            (nest,) = stack
            return nest
        if name in _NOTHING:
            if name not in ("PROTO", "FRAME"):
                memo[len(memo) if name == "MEMOIZE" else given] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[given])
        else:
            _take(stack, name, given)
    raise StrangeFileError("its description has no end")


def _take(stack: list[Any], name: str, given: Any) -> None:
    if name in _VALUES:
        stack.append(given)
    elif name in _NEW:
        stack.append(_NEW[name]())
    elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
        count = int(name[-1])
        stack[-count:] = [tuple(stack[-count:])]
    elif name == "TUPLE":
        stack.append(tuple(_since_mark(stack)))
    elif name == "SETITEM":
        value, key = stack.pop(), stack.pop()
        _into(stack[-1], [key, value])
    elif name == "SETITEMS":
        entries = _since_mark(stack)
        _into(stack[-1], entries)
    elif name == "GLOBAL" and given in _NAMES:
        stack.append(_Name(given))
    elif name == "BINPERSID":
        stack.append(_storage(*stack.pop()))
    elif name == "REDUCE":
        given, called = stack.pop(), stack.pop()
        stack.append(_made(called, given))
    else:
        raise StrangeFileError(f"it holds more than plain tensors ({name} {given!r:.60})")


def _since_mark(stack: list[Any]) -> list[Any]:
    place = max(number for number, entry in enumerate(stack) if isinstance(entry, _Mark))
    entries = stack[place + 1 :]
    del stack[place:]
    return entries


def _into(mapping: Any, entries: list[Any]) -> None:
    if not isinstance(mapping, dict) or not all(isinstance(key, str) for key in entries[::2]):
        raise StrangeFileError("it is no mapping by name")
    mapping |= dict(zip(entries[::2], entries[1::2], strict=True))


def _storage(kind: Any, of: Any, key: Any, _: Any, length: Any) -> _Storage:
    name = of.name.removeprefix("torch ") if isinstance(of, _Name) else None
    is_place = type(key) is str and key.isdecimal() and _is_count(length)
    if kind != "storage" or name not in _STORAGES or not is_place:
        raise StrangeFileError("its numbers are of another kind")
    return _Storage(_STORAGES[name], key, length)


def _made(called: Any, given: Any) -> Any:
    if called == _Name(_MAPPING) and given == ():
        return {}
    if called != _Name(_TENSOR) or not isinstance(given, tuple) or len(given) < 4:
        raise StrangeFileError("it holds more than plain tensors")
    storage, offset, size, stride = given[:4]
    counts = (offset, *size, *stride)
    if not isinstance(storage, _Storage) or len(size) != len(stride) or not all(map(_is_count, counts)):
        raise StrangeFileError("a tensor in it has no shape")
    return _Described(storage, offset, tuple(size), tuple(stride))


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _filled(found: _Described, data: bytes) -> Tensor:
    storage, last = found.storage, found.offset
    last += sum((count - 1) * step for count, step in zip(found.size, found.stride, strict=True))
    elements = math.prod(found.size)
    # A stride of 0 would make much of little.
    if len(data) != storage.length * storage.dtype.itemsize or elements > storage.length:
        raise StrangeFileError("its tensor is not of as many numbers as it says")
    if (elements and last >= storage.length) or len(found.size) > _DEEPEST:
        raise StrangeFileError("its tensor goes beyond its numbers")
    if not elements:
        return torch.empty(found.size, dtype=storage.dtype)
    flat = torch.frombuffer(bytearray(data), dtype=storage.dtype)
    return flat.as_strided(found.size, found.stride, found.offset).clone(memory_format=torch.contiguous_format)
