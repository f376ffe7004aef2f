"""Sockets that are listened at: opened here, or handed over by what started this process and outlives it.

What waits in a socket's queue is lost when its last holder closes it. A socket that systemd or another parent holds
outlives a restart, and with it everything that was connected and not yet accepted.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterable, MutableMapping

# Where systemd puts the first of the sockets that it hands over.
_FIRST = 3


class NoSocket(ValueError):
    """What was handed over cannot be listened at."""


def opened(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of `host`, all at one port. Raises OSError: unknown, taken, not permitted."""
    found: list[socket.socket] = []
    told = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    try:
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in told):
            one = socket.socket(family, socket.SOCK_STREAM)
            found.append(one)
            if os.name == "posix":
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # Port 0 is one that is free; the second address takes the same.
            chosen = found[0].getsockname()[1] if len(found) > 1 and not port else port
            one.bind((address[0], chosen, *address[2:]))
            one.listen(2048)
    except BaseException:
        for one in found:
            one.close()
        raise
    return found


def inherited(number: int) -> socket.socket:
    """The socket under a file descriptor of this process. Raises NoSocket."""
    try:
        found = socket.socket(fileno=number)
    except OSError:
        raise NoSocket(f"file descriptor {number} is no socket") from None
    listens = found.type == socket.SOCK_STREAM and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if not listens:
        found.detach()
        raise NoSocket(f"file descriptor {number} is no socket that is listened at")
    found.set_inheritable(False)
    return found


def handed_over(environ: MutableMapping[str, str]) -> list[socket.socket]:
    """The sockets that systemd hands over to this process (sd_listen_fds), which its children are not told of.

    Raises NoSocket.
    """
    process, count = environ.get("LISTEN_PID"), environ.get("LISTEN_FDS", "")
    if process != str(os.getpid()) or not count.isdecimal():
        return []
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        environ.pop(name, None)
    return [inherited(number) for number in range(_FIRST, _FIRST + int(count))]


def urls(sockets: Iterable[socket.socket], *, tls: bool) -> list[str]:
    """Where each socket is reached."""
    found = []
    for one in sockets:
        name = one.getsockname()
        if isinstance(name, tuple):
            host = f"[{name[0]}]" if ":" in name[0] else name[0]
            found.append(f"http{'s' * tls}://{host}:{name[1]}")
        else:
            found.append(f"unix:{os.fsdecode(name)}")
    return found


def is_reached_from_elsewhere(one: socket.socket) -> bool:
    """Whether more than this machine may reach a socket."""
    name = one.getsockname()
    return isinstance(name, tuple) and not ipaddress.ip_address(name[0].partition("%")[0]).is_loopback


def tell_manager(environ: MutableMapping[str, str], state: str) -> None:
    """Tell systemd `READY=1` or `STOPPING=1` (sd_notify), where it asks to be told."""
    place = environ.get("NOTIFY_SOCKET", "")
    if not place or os.name != "posix":
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.sendto(state.encode(), f"\0{place[1:]}" if place[0] == "@" else place)
