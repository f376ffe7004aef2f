"""Files of safetensors read and joined byte by byte: what a tensor is worth is not asked here.

The format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from trainspec.text.bounded_json import LARGEST_STATE, parse_json
from trainspec.text.redaction import printable

# Bits of an element.
_BITS = {
    **dict.fromkeys(("C128",), 128),
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}
_LENGTH, _ALIGNMENT, _PIECE = 8, 8, 1 << 22


class DamagedTensors(Exception):
    """What a file says of its tensors cannot be true of it."""


@dataclass(frozen=True)
class Stored:
    """One tensor: what it is, and the bytes of a local file that hold it."""

    dtype: str
    shape: tuple[int, ...]
    file: Path
    start: int
    size: int

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, a few MiB at a time."""
        with self.file.open("rb") as file:
            file.seek(self.start)
            left = self.size
            while left:
                piece = file.read(min(left, _PIECE))
                if not piece:
                    raise DamagedTensors("it is shorter than it was")
                left -= len(piece)
                yield piece

    @property
    def described(self) -> str:
        """Its dtype and shape, as "F32[4, 1]"."""
        return f"{self.dtype}{[*self.shape]}"


def tensors_in(file: Path) -> tuple[dict[str, Stored], dict[str, str]]:
    """Every tensor of a file by name, and the texts about them. Raises DamagedTensors, or OSError."""
    whole = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(_LENGTH), "little")
        if whole < _LENGTH or length > min(whole - _LENGTH, LARGEST_STATE):
            raise DamagedTensors("its header is longer than the file")
        text = opened.read(length)
    try:
        header = parse_json(text, of_a_run=True)
    except ValueError as error:
        raise DamagedTensors(f"its header is no JSON ({error})") from None
    if not isinstance(header, dict):
        raise DamagedTensors("its header is no object")
    texts = header.pop("__metadata__", None) or {}
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise DamagedTensors("its texts are none")
    begin = _LENGTH + length
    return {name: _stored(file, name, said, begin, whole) for name, said in header.items()}, texts


def _stored(file: Path, name: str, said: Any, begin: int, whole: int) -> Stored:
    try:
        dtype, shape, (start, end) = said["dtype"], said["shape"], said["data_offsets"]
        sound = isinstance(dtype, str) and all(type(number) is int and number >= 0 for number in (*shape, start, end))
    except (LookupError, TypeError, ValueError):
        sound = False
    if not sound or start > end or begin + end > whole:
        raise DamagedTensors(f"what it says of {printable(name)} cannot be")
    bits = _BITS.get(dtype)
    if bits is not None and math.prod(shape) * bits != 8 * (end - start):
        raise DamagedTensors(f"{printable(name)} has {end - start:,} bytes, which are no {printable(dtype)}{shape}")
    return Stored(dtype, tuple(shape), file, begin + start, end - start)


def write_joined(tensors: Mapping[str, Stored], texts: Mapping[str, str], file: BinaryIO) -> None:
    """One file of tensors that lay in several. Raises DamagedTensors, or OSError."""
    # Large elements first, which aligns all of them.
    ordered = sorted(tensors.items(), key=lambda item: (-_BITS.get(item[1].dtype, 0), item[0]))
    header: dict[str, Any] = {"__metadata__": {"format": "pt", **texts}}
    end = 0
    for name, tensor in ordered:
        start, end = end, end + tensor.size
        header[name] = {"dtype": tensor.dtype, "shape": [*tensor.shape], "data_offsets": [start, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    file.write(len(text).to_bytes(_LENGTH, "little"))
    file.write(text)
    for _, tensor in ordered:
        for piece in tensor.pieces():
            file.write(piece)
