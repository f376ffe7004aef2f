"""A file on this machine byte for byte as it is, and written all or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from trainspec.settings.sources.files import source_error
from trainspec.storage.regular import read_regular

LARGEST_SOURCE = 16 * 2**20
"""Bytes of a script, a notebook with its pictures, or a pickle."""


def read_bytes(path: str) -> bytes:
    """The bytes of a file. Raises SourceError: not there, not readable, too large."""
    try:
        content = read_regular(Path(path), LARGEST_SOURCE + 1)
    except (OSError, ValueError) as error:
        code = "SRC105" if isinstance(error, FileNotFoundError) else "SRC106"
        raise source_error(code, f"{path}: {getattr(error, 'strerror', None) or error}", path) from None
    if len(content) > LARGEST_SOURCE:
        raise source_error("SRC109", f"{path} is larger than {LARGEST_SOURCE:,} bytes", path)
    return content


def decoded(content: bytes, name: str) -> str:
    """UTF-8 text with every character and line break that it has. Raises SourceError."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise source_error("SRC106", f"{name} is not UTF-8 text (at byte {error.start})", name) from None


def write_whole(path: str, text: str, *, permissions_of: str | None = None) -> None:
    """A new file beside it takes the file's place in one step. Raises OSError, and then nothing has changed."""
    target = Path(os.path.realpath(path))
    new = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with new.open("xb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        if permissions_of is not None:
            new.chmod(Path(permissions_of).stat().st_mode & 0o7777)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
