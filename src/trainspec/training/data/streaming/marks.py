"""Checksums of parts of rows that every process and every Python makes alike."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy
import torch

_PARTS_OF_A_ROW, BYTES_OF_A_PART, _DEPTH, _ENTRIES = 32, 65_536, 4, 256


def named_parts(row: Any) -> list[tuple[str, Any]]:
    """The values of a row that has keys or places, by these; a row of anything else as one."""
    if isinstance(row, Mapping):
        parts = [(key[:100], part) for key, part in row.items() if isinstance(key, str)]
    elif isinstance(row, tuple):
        parts = [(f"entry {number}", part) for number, part in enumerate(row)]
    else:
        parts = [("all", row)]
    return parts[:_PARTS_OF_A_ROW]


def mark(part: Any) -> str | None:
    """A checksum of the first 64 kB; None for what has none."""
    digest, left = hashlib.sha256(), BYTES_OF_A_PART
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


def lasting_marks(rows: Iterable[Any]) -> dict[str, str]:
    """Of parts that hold texts, whole numbers or flags in a line, by row and key.

    Random changes of rows that nobody can draw again are made to pictures and other floating numbers: these are left
    out, so that the rest tells whether the data is the same.
    """
    return {
        f"{number}.{name}": made
        for number, row in enumerate(rows)
        for name, part in named_parts(row)
        if _lasts(part, 1, _DEPTH) and (made := mark(part)) is not None
    }


def marks_of_batch(batch: Any) -> dict[str, str]:
    """The same of a batch of rows, by key."""
    parts = named_parts(tuple(batch) if isinstance(batch, list) else batch)
    return {name: made for name, part in parts if _lasts(part, 2, _DEPTH) and (made := mark(part)) is not None}


def are_others(saved: Mapping[str, str], here: Mapping[str, str]) -> bool:
    """Whether nothing that tells these rows from others is what it was: what changes by chance is no other data."""
    known = saved.keys() & here.keys()
    of_key: dict[str, set[str]] = {}
    for name in known:
        of_key.setdefault(name.partition(".")[2], set()).add(saved[name])
    # What all rows have in common, a mask without a hole, other data has, too.
    telling = [name for name in known if len(of_key[name.partition(".")[2]]) > 1] or known
    return bool(telling) and all(saved[name] != here[name] for name in telling)


def _lasts(value: Any, dimensions: int, depth: int) -> bool:
    if isinstance(value, torch.Tensor):
        return not value.is_floating_point() and not value.is_complex() and value.ndim <= dimensions
    if isinstance(value, numpy.ndarray | numpy.generic):
        return value.dtype.kind in "iubSU" and value.ndim <= dimensions
    if isinstance(value, Mapping | list | tuple):
        entries = list(value.values()) if isinstance(value, Mapping) else value
        return depth > 0 and all(_lasts(entry, dimensions, depth - 1) for entry in entries[:_ENTRIES])
    return isinstance(value, str | bytes | int)


def _pieces(value: Any, depth: int) -> Iterator[bytes]:
    if depth < 0:
        raise TypeError("nested too deeply")
    if isinstance(value, str):
        yield b"text"
        yield value[:BYTES_OF_A_PART].encode(errors="surrogatepass")
    elif isinstance(value, bytes):
        yield b"bytes"
        yield value[:BYTES_OF_A_PART]
    elif isinstance(value, torch.Tensor):
        yield f"{value.dtype} {tuple(value.shape)}".encode()
        flat = value.detach().reshape(-1)[: BYTES_OF_A_PART // value.element_size()].cpu().contiguous()
        yield flat.view(torch.uint8).numpy().tobytes()
    elif isinstance(value, numpy.ndarray | numpy.generic):
        array = numpy.asarray(value)
        if array.dtype.hasobject:
            raise TypeError("an array of objects")
        yield f"{array.dtype.str} {array.shape}".encode()
        yield array.reshape(-1)[: BYTES_OF_A_PART // max(array.itemsize, 1)].tobytes()
    elif value is None or isinstance(value, bool | int | float | complex):
        yield repr(value).encode()
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)}".encode()
        for key in list(value)[:_ENTRIES]:
            yield from _pieces(key, depth - 1)
            yield from _pieces(value[key], depth - 1)
    elif isinstance(value, list | tuple):
        yield f"list {len(value)}".encode()
        for entry in value[:BYTES_OF_A_PART]:
            yield from _pieces(entry, depth - 1)
    else:
        raise TypeError(f"a {type(value).__name__} says nothing stable of itself")
