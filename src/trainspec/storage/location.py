"""What a URL says before anything is opened: its scheme, its local path, a safe name under it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from trainspec.storage.errors import StorageError

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.\-]+)(?:://|::)")
_LOCAL = frozenset({"file", "local"})


def scheme_of(url: str) -> str:
    """The scheme of `url` in lower case ("s3"); an empty string for a path and for file:// URLs."""
    match = _SCHEME.match(url)
    scheme = match.group(1).lower() if match else ""
    return "" if scheme in _LOCAL else scheme


def local_path(url: str) -> Path:
    """The path that a plain path or a file:// URL means, with `~` expanded.

    Raises StorageError for a text that no file system takes as a path.
    """
    match = _SCHEME.match(url)
    text = url[match.end() :] if match else url
    if not text or "\0" in text:
        raise StorageError(url, "open", "that is no path")
    return Path(os.path.expanduser(text))


def checked_name(url: str, name: str) -> str:
    """`name` when it stays inside the folder `url`, with doubled and closing slashes removed.

    Names also come out of manifests that others wrote, so "../x" and "/x" are refused with StorageError.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or name.startswith(("/", "~")) or "\\" in name or "\0" in name:
        raise StorageError(url, "use", f"the name {name!r} leads outside of it")
    return "/".join(parts)


def checked_file(url: str, name: str) -> str:
    """`name` like `checked_name`, of a file that is to be written: "" and "." are the folder itself, and refused."""
    inside = checked_name(url, name)
    if not inside:
        raise StorageError(url, "write", f"the name {name!r} is that of the folder itself, a file is needed")
    return inside
