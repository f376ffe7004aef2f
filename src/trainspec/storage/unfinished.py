"""Files on this machine that are being written: locked by who writes, so that what nobody writes any more can go."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

# Not every system has these locks; where there are none, nothing is taken for abandoned.
_CAN_LOCK = find_spec("fcntl") is not None
# A file that was being written when its process died; readers are never shown one.
UNFINISHED = ".unfinished"
_TRIES = 5


@contextmanager
def beside(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file in the folder of `path`, to be written, closed and given that name. Raises OSError.

    It is locked until the block ends, also when it is closed: the system lets go of it when this process dies.
    """
    for _ in range(_TRIES):
        unfinished = path.with_name(f".{path.name}.{os.urandom(4).hex()}{UNFINISHED}")
        file = unfinished.open("xb")
        descriptor = os.dup(file.fileno())
        try:
            if not _is_locked(descriptor) or os.fstat(descriptor).st_nlink:
                with file:
                    yield unfinished, file
                return
        finally:
            os.close(descriptor)
        # Another process took it for abandoned before it was locked.
        file.close()
    raise FileNotFoundError(2, "it was deleted again and again while it was written", str(path))


def remove_abandoned(path: Path) -> None:
    """Delete what killed processes have left of `path`; what another is writing is locked, and stays."""
    if not _CAN_LOCK:
        return
    left = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}{re.escape(UNFINISHED)}")
    # What may not be looked at or deleted harms nobody.
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if left.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_if_abandoned(Path(entry.path))


def _remove_if_abandoned(unfinished: Path) -> None:
    import fcntl

    descriptor = os.open(unfinished, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unfinished.unlink(missing_ok=True)
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    """Lock it; not every file system can."""
    if not _CAN_LOCK:
        return False
    import fcntl

    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return True
    return False
