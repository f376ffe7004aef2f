"""Where this process and its children meet: the address of a socket must be short, whatever TMPDIR is."""

from __future__ import annotations

import os
import tempfile
from multiprocessing import util

# Of the address of a socket: unix(7) has 108 bytes for it, with the zero at its end; BSD and macOS 104.
_LONGEST = 103
# What follows the folder: multiprocessing adds "/pymp-" and "/listener-", each with eight random letters.
_ADDED = len("/pymp-12345678/listener-12345678")
_SHORT = ("/tmp", "/var/tmp", "/dev/shm")


def folder_for_sockets() -> str:
    """That of temporary files; where its path is too long, the system's own, if this process may write there."""
    said = tempfile.gettempdir()
    if os.name != "posix" or len(os.fsencode(said)) + _ADDED <= _LONGEST:
        return said
    return next((folder for folder in _SHORT if os.access(folder, os.W_OK | os.X_OK)), said)


def keep_addresses_short() -> None:
    """Where TMPDIR is too long a path for them, let multiprocessing make its sockets in the system's own folder.

    Processes that are started later make theirs in the same one; it is removed when this process ends. Only sockets
    go there: whatever else is temporary stays where TMPDIR says.
    """
    said, folder = tempfile.gettempdir(), folder_for_sockets()
    if folder == said:
        return
    tempfile.tempdir = folder
    try:
        # The first call decides, for all that come after it.
        util.get_temp_dir()
    finally:
        tempfile.tempdir = said
