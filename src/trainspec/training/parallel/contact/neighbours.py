"""Short messages between the processes of one machine, through sockets of its kernel.

Processes that train one model agree in every update, in a few bytes. gloo takes about a millisecond for that where each
process keeps a core busy, since threads of its own must wake up; the kernel hands such a message on in microseconds.
"""

from __future__ import annotations

import os
import socket
import struct
import tempfile
import weakref
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from trainspec.storage.pieces.sockets import folder_for_sockets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import timedelta

# What a message is about.
BARRIER, EACH, SUM, MAX = range(4)
# Everybody sends before anybody reads: what is under way must fit into the buffers of the kernel.
LONGEST = 4096
# Every process is connected to every other.
MOST = 32
_HEADER = struct.Struct("=H?I")
_WHOLE = _HEADER.size + LONGEST
_RANK = struct.Struct("=I")
_TIME = struct.Struct("@ll")


@cache
def _doubles(count: int) -> struct.Struct:
    return struct.Struct(f"={count}d")


class Posted:
    """A message that was sent; what the others say at the same place is read once somebody asks for it."""

    __slots__ = ("_found", "_head", "_message", "_near", "_read")

    def __init__(self, near: Neighbours, head: bytes, message: bytes) -> None:
        self._near, self._head, self._message = near, head, message
        self._found: list[bytes] | None = None
        self._read = False

    def answers(self) -> list[bytes] | None:
        """What every process says, by rank; None in all of them where somebody's is longer than LONGEST.

        Raises RuntimeError, as operations of torch.distributed do, where one of the others has gone, is silent for too
        long or says something else.
        """
        if not self._read:
            self._read = True
            self._found = self._near.heard(self._head, self._message)
        return self._found


class Neighbours:
    """Connections of one process to all others, in the order of ranks. Those that exchange do so in the same order."""

    def __init__(self, rank: int, others: dict[int, socket.socket]) -> None:
        self._others = sorted(others.items())
        self._rank, self._number = rank, 0
        self._under_way: Posted | None = None
        _open.add(self)

    def exchange(self, kind: int, content: bytes) -> list[bytes] | None:
        return self.post(kind, content).answers()

    def numbers(self, kind: int, values: Sequence[float]) -> Callable[[], list[float]]:
        """Their sums, or the largest of each (SUM, MAX); all give as many, and LONGEST / 8 at most."""
        layout = _doubles(len(values))
        posted = self.post(kind, layout.pack(*values))
        combine: Callable[[Iterable[float]], float] = sum if kind == SUM else max

        def answers() -> list[float]:
            said = posted.answers()
            assert said is not None, "all have as many"
            # Everybody adds up in the same order.
            return list(map(combine, zip(*map(layout.unpack, said), strict=True)))

        return answers

    def post(self, kind: int, content: bytes) -> Posted:
        """Say something. `kind` says what it is about, and is the same in all; raises what `Posted.answers` raises."""
        if self._under_way is not None:
            self._under_way.answers()
        self._number = (self._number + 1) & 0xFFFFFFFF
        is_short = len(content) <= LONGEST
        head = _HEADER.pack(kind, is_short, self._number)
        message = head + content if is_short else head
        for rank, other in self._others:
            try:
                other.sendall(message)
            except OSError as error:
                raise _lost(rank, error) from error
        self._under_way = posted = Posted(self, head, message)
        return posted

    def heard(self, head: bytes, message: bytes) -> list[bytes] | None:
        """For Posted, once for each: what the others say to `message`."""
        self._under_way = None
        all_short = len(message) > _HEADER.size or _is_short(self._rank, message, head)
        found = [message[_HEADER.size :]]
        for rank, other in self._others:
            try:
                said = other.recv(_WHOLE)
            except OSError as error:
                raise _lost(rank, error) from error
            if not said.startswith(head) or len(said) == _HEADER.size:
                all_short = _is_short(rank, said, head) and all_short
            found.insert(rank, said[_HEADER.size :])
        return found if all_short else None

    def close(self) -> None:
        for _, other in self._others:
            with suppress(OSError):
                other.close()


_open = weakref.WeakSet[Neighbours]()


def _close_in_child() -> None:
    """A connection is heard to end with its last holder: one that a child holds too would outlive a killed process."""
    for near in list(_open):
        near.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)


def _lost(rank: int, error: OSError) -> RuntimeError:
    if isinstance(error, BlockingIOError):
        return RuntimeError(f"timed out waiting for rank {rank}")
    return RuntimeError(f"connection closed by peer: rank {rank} ({error.strerror})")


def _is_short(rank: int, said: bytes, head: bytes) -> bool:
    """Whether that process has said all of it here."""
    if not said:
        raise RuntimeError(f"connection closed by peer: rank {rank}")
    (kind, _, number), (theirs, is_short, its_number) = _HEADER.unpack(head), _HEADER.unpack_from(said)
    if (theirs, its_number) != (kind, number):
        raise RuntimeError(f"rank {rank} waits for something else: message {its_number} of kind {theirs}, not {kind}")
    return bool(is_short)


class Meeting:
    """Where neighbours find each other: a socket in a folder that no other user enters, and that is gone afterwards.

    Every step is taken by all of them: `place` is told to the others, then all `connect`; if each could, `accepted`.
    """

    def __init__(self, rank: int, world_size: int, timeout: timedelta) -> None:
        self._rank = rank
        self._world_size = world_size
        self._time = _TIME.pack(max(1, int(timeout.total_seconds())), 0)
        self._stack = ExitStack()
        self._others: dict[int, socket.socket] = {}
        self._listener: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def place(self) -> str | None:
        """None where this system or folder has no such sockets."""
        if self._world_size > MOST:
            return None
        try:
            folder = self._stack.enter_context(
                tempfile.TemporaryDirectory(prefix="trainspec-", dir=folder_for_sockets())
            )
            self._listener = self._stack.enter_context(_new_socket())
            place = str(Path(folder, "s"))
            self._listener.bind(place)
            self._listener.listen(self._world_size)
        except OSError:
            return None
        return place

    def connect(self, places: list[str | None]) -> bool:
        """Whether this process has reached all that come before it: they need not have answered yet."""
        with ExitStack() as opened:
            try:
                for rank, place in enumerate(places):
                    if place is None:
                        return False
                    if rank < self._rank:
                        other = opened.enter_context(_new_socket())
                        other.connect(place)
                        other.sendall(_RANK.pack(self._rank))
                        self._others[rank] = other
            except OSError:
                # It is on another machine, or in another container.
                return False
            opened.pop_all()
            return True

    def accepted(self) -> Neighbours:
        """Raises RuntimeError where one that has connected is gone."""
        assert self._listener is not None, "there is a place"
        for _ in range(self._world_size - 1 - self._rank):
            other, _ = self._listener.accept()
            said = other.recv(_RANK.size)
            if not said:
                raise RuntimeError("connection closed by peer, which had just come")
            self._others[_RANK.unpack(said)[0]] = other
        for other in self._others.values():
            other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, self._time)
            other.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, self._time)
        return Neighbours(self._rank, self._others)

    def abandoned(self) -> None:
        for other in self._others.values():
            other.close()


def neighbours_of(
    rank: int, world_size: int, timeout: timedelta, each: Callable[[str | bool | None], list[str | bool | None]]
) -> Neighbours | None:
    """Connections to all others, None in every process where some are on another machine.

    `each` gives every process's word in the order of ranks, by another way.
    """
    with Meeting(rank, world_size, timeout) as meeting:
        places = [place if isinstance(place, str) else None for place in each(meeting.place())]
        if all(each(meeting.connect(places))):
            return meeting.accepted()
        meeting.abandoned()
        return None


def _new_socket() -> socket.socket:
    """One that keeps messages apart. Raises OSError where there is none such."""
    try:
        return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except AttributeError as error:
        raise OSError(str(error)) from error
