"""The files of settings that a word of the command line stands for."""

from __future__ import annotations

import os
from collections.abc import Iterator

from trainspec.settings.sources.files import FORMATS, source_error


def files_in(path: str) -> Iterator[str]:
    """The path itself, or every file of settings below a folder, sorted. Raises SourceError for a folder without."""
    if "://" in path or not _is_folder(path):
        yield path
        return
    found = sorted(_walk(path))
    if not found:
        raise source_error("SRC105", f"there is no file of settings (*{', *'.join(FORMATS)}) in {path}", path)
    yield from found


def _is_folder(path: str) -> bool:
    try:
        return os.path.isdir(path)
    except ValueError:
        return False


def _walk(folder: str) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if os.path.splitext(name)[1].lower() in FORMATS and not name.startswith("."):
                yield os.path.join(place, name)
