"""What the first rows of the training data look like, so that a run does not go on with other data unnoticed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy
import torch

from trainspec.training import data
from trainspec.training.data.draws import seed_generators

_ROWS, _PARTS_OF_A_ROW, _BYTES_OF_A_PART, _DEPTH, _ENTRIES = 3, 32, 65_536, 4, 256


def first_rows(dataset: Any) -> dict[str, str]:
    """A checksum of each part of the first rows, by row and key; only what another reading of a row gives again.

    Empty for data without numbered rows, which reading would use up. Random generators are as if nothing had been read.
    Bounded: three rows, each read twice, 32 parts of a row and the first 64 kB of a part.
    """
    if data.is_iterable(dataset):
        return {}
    found: dict[str, str] = {}
    for row in range(min(_ROWS, data.row_count(dataset) or 0)):
        one, other = _parts(dataset, row, 1), _parts(dataset, row, 2)
        found |= {f"{row}.{name}": mark for name, mark in one.items() if other.get(name) == mark}
    return found


def other_rows(saved: Mapping[str, Any], here: Mapping[str, str]) -> str | None:
    """The first part of a row that is another one here than it was, as "inputs of row 0"; None where none is.

    Only what both tell is compared: columns may come and go.
    """
    for name, mark in here.items():
        if saved.get(name, mark) != mark:
            row, _, key = name.partition(".")
            return f"{key} of row {row}"
    return None


def _parts(dataset: Any, row: int, seed: int) -> dict[str, str]:
    # Random changes are drawn from the same numbers whenever a row is looked at, and those that two seeds make
    # different are left out.
    with data.undisturbed():
        seed_generators(seed)
        try:
            value = dataset[row]
        # A row that cannot be read is told when it is trained on.
        except Exception:
            return {}
    marks = ((name, _mark(part)) for name, part in _named(value))
    return {name: mark for name, mark in marks if mark is not None}


def _named(row: Any) -> list[tuple[str, Any]]:
    if isinstance(row, Mapping):
        parts = [(key[:100], part) for key, part in row.items() if isinstance(key, str)]
    elif isinstance(row, tuple):
        parts = [(f"entry {number}", part) for number, part in enumerate(row)]
    else:
        parts = [("all", row)]
    return parts[:_PARTS_OF_A_ROW]


def _mark(part: Any) -> str | None:
    """A checksum that every process and every Python makes alike; None for what has none."""
    digest, left = hashlib.sha256(), _BYTES_OF_A_PART
    try:
        for piece in _pieces(part, _DEPTH):
            digest.update(piece[:left] + b"\0")
            left -= len(piece)
            if left <= 0:
                break
    # An object of a kind that says nothing stable of itself, or a tensor that holds no numbers.
    except Exception:
        return None
    return digest.hexdigest()[:16]


def _pieces(value: Any, depth: int) -> Iterator[bytes]:
    if depth < 0:
        raise TypeError("nested too deeply")
    if isinstance(value, str):
        yield b"text"
        yield value[:_BYTES_OF_A_PART].encode(errors="surrogatepass")
    elif isinstance(value, bytes):
        yield b"bytes"
        yield value[:_BYTES_OF_A_PART]
    elif isinstance(value, torch.Tensor):
        yield f"{value.dtype} {tuple(value.shape)}".encode()
        flat = value.detach().reshape(-1)[: _BYTES_OF_A_PART // value.element_size()].cpu().contiguous()
        yield flat.view(torch.uint8).numpy().tobytes()
    elif isinstance(value, numpy.ndarray | numpy.generic):
        array = numpy.asarray(value)
        if array.dtype.hasobject:
            raise TypeError("an array of objects")
        yield f"{array.dtype.str} {array.shape}".encode()
        yield array.reshape(-1)[: _BYTES_OF_A_PART // max(array.itemsize, 1)].tobytes()
    elif value is None or isinstance(value, bool | int | float | complex):
        yield repr(value).encode()
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)}".encode()
        for key in list(value)[:_ENTRIES]:
            yield from _pieces(key, depth - 1)
            yield from _pieces(value[key], depth - 1)
    elif isinstance(value, list | tuple):
        yield f"list {len(value)}".encode()
        for entry in value[:_BYTES_OF_A_PART]:
            yield from _pieces(entry, depth - 1)
    else:
        raise TypeError(f"a {type(value).__name__} says nothing stable of itself")
