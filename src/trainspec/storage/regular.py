"""Regular files only: a pipe would hold its reader for ever, and a device never ends."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from trainspec.storage.errors import IrregularFileError

_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
# What the process was handed open, as a shell does for <(command): its other end is the caller's own.
_HANDED = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")


def open_regular(path: Path) -> BinaryIO:
    """The file open for reading bytes. Raises OSError, without waiting, for what is no regular file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _flag("O_NONBLOCK") | _flag("O_NOCTTY") | _flag("O_BINARY"))
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise _odd(path, os.stat(path).st_mode) from None
        raise
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISFIFO(mode) and str(path).startswith(_HANDED):
            os.set_blocking(descriptor, True)
        elif not stat.S_ISREG(mode) and not _is_null(descriptor):
            raise _odd(path, mode)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, most: int = -1) -> bytes:
    """The bytes of a regular file, at most so many of them. Raises OSError."""
    with open_regular(path) as file:
        return file.read(most)


def _is_null(descriptor: int) -> bool:
    """Whether it is the device that people name for an empty file: it ends at once."""
    found = os.fstat(descriptor)
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == os.stat(os.devnull).st_rdev


def _flag(name: str) -> int:
    """Not every system has each of them."""
    found: int = getattr(os, name, 0)
    return found


def _odd(path: Path, mode: int) -> OSError:
    if stat.S_ISDIR(mode):
        return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    kind = next((word for is_kind, word in _KINDS if is_kind(mode)), "no file")
    return IrregularFileError(errno.EINVAL, f"it is {kind}, and only regular files are read", str(path))
