"""What goes into one file of a checkpoint, written piece by piece: a file is never whole in memory."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor


class Payload(Protocol):
    """The content of one file. Where it is of tensors, it refers to them: it is what they are when it is written."""

    def write(self, file: BinaryIO) -> None:
        """Put the content into a file; the same again each time."""

    def copied(self, copy: Callable[[Tensor], Tensor]) -> Payload:
        """The same of copies of its tensors."""


@dataclass(frozen=True)
class Document:
    """Bytes that are small enough to be kept."""

    data: bytes

    def write(self, file: BinaryIO) -> None:
        file.write(self.data)

    def copied(self, copy: Callable[[Tensor], Tensor]) -> Document:
        return self


@dataclass(frozen=True)
class Encoded:
    """Bytes that are made where they are written: of what nobody changes any more, and what always has some."""

    encode: Callable[[], bytes]

    def write(self, file: BinaryIO) -> None:
        file.write(self.encode())

    def copied(self, copy: Callable[[Tensor], Tensor]) -> Encoded:
        return self


@dataclass(frozen=True)
class LocalFile:
    """What is in a local file."""

    path: Path

    def write(self, file: BinaryIO) -> None:
        with self.path.open("rb") as original:
            shutil.copyfileobj(original, file, 1 << 20)

    def copied(self, copy: Callable[[Tensor], Tensor]) -> LocalFile:
        return self
