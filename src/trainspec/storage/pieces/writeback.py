"""Bytes on their way to the disk while others are being written, so that little is left to wait for at the end."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from typing import Any, BinaryIO

# Often enough that the disk has always something to do.
_EVERY = 32 << 20


class EarlyWriteback(io.BufferedIOBase):
    """Passes bytes on to a local file and has the system write them to the disk at once, not only at an fsync."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._written = self._told = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        count = self._file.write(data)
        self._written += count
        if self._written - self._told >= _EVERY:
            self._tell()
        return count

    def _tell(self) -> None:
        """Linux begins to write what is to be dropped from memory, and keeps what is not on the disk yet."""
        advise = getattr(os, "posix_fadvise", None)
        if advise is None:
            return
        self._file.flush()
        # A file system that knows no advice does all of it at the fsync.
        with suppress(OSError):
            advise(self._file.fileno(), self._told, self._written - self._told, os.POSIX_FADV_DONTNEED)
        self._told = self._written
