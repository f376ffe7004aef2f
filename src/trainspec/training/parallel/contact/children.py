"""Connections that a forked child must not hold: others notice that a process has died once nobody holds them."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where a system lists what a process has open; without it nothing is known of what torch opens.
_OPEN = Path("/proc/self/fd")

# By descriptor, what the system calls the socket: once it is closed, the number may mean something else.
_held: dict[int, str] = {}


@contextmanager
def kept_from_children() -> Iterator[None]:
    """Sockets that are opened in this block, and are open at its end, are closed in children that are forked later.

    torch's are meant, of which no child can make use: the threads that serve them are not forked.
    """
    before = _sockets()
    try:
        yield
    finally:
        now = _sockets()
        for number, name in list(_held.items()):
            if now.get(number) != name:
                del _held[number]
        _held.update(now.items() - before.items())


def _sockets() -> dict[int, str]:
    found = dict[int, str]()
    with suppress(OSError):
        for entry in _OPEN.iterdir():
            # One of them is that of the listing itself.
            with suppress(OSError):
                name = os.readlink(entry)
                if name.startswith("socket:"):
                    found[int(entry.name)] = name
    return found


def _let_go() -> None:
    if not _held:
        return
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number, name in _held.items():
        with suppress(OSError):
            if os.readlink(_OPEN / str(number)) == name:
                # Not closed: torch still holds the number, and would close what has it next.
                os.dup2(nowhere, number, inheritable=False)
    os.close(nowhere)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
