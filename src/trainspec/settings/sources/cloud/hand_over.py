"""The processes of one node read a secret once: the first reads, and hands what it read to the others.

It goes over a Unix socket in the abstract namespace of Linux: nothing lies on a disk, nothing is left when the
processes end, and both sides ask the kernel whose process the other is. On other systems, and where no launcher tells
which processes share a node, each reads for itself. Several nodes read once each: no secret travels between hosts.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.cloud.gathering import Gathered

# How long the others wait for the first, which may do other things before it reads; and it for them.
LONGEST_WAIT = 60.0
# How long a first process that has come to its end still waits for the others.
LONGEST_END = 5.0
_LONGEST_SEND = 5.0
_TRY_EVERY = 0.05
_HEADER = struct.Struct("!Q")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_JOB = ("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "GROUP_RANK")
_times: Counter[str] = Counter()


@dataclass(frozen=True, slots=True)
class Node:
    """The processes of a job on this node: how many, which of them this is, and what only they have in common."""

    rank: int
    size: int
    key: str


def node_of(variables: Mapping[str, str]) -> Node | None:
    """The node as torchrun and its like tell it; None where each process is to read for itself."""
    from trainspec.settings.arguments.launch import Launch

    launch = Launch.of(variables)
    rank, size = launch.local_rank, launch.local_world_size
    if (rank is None or size is None) and variables.get("MASTER_ADDR") in _LOOPBACK:
        rank, size = launch.rank, launch.world_size
    if not sys.platform.startswith("linux") or launch.world_size < 2 or rank is None or size is None or size < 2:
        return None
    if not (variables.get("MASTER_ADDR") and variables.get("MASTER_PORT")):
        return None
    return Node(rank, size, json.dumps([os.getuid(), *(variables.get(name, "") for name in _JOB)]))


def once_a_node(request: str, work: Callable[[], Gathered]) -> Gathered:
    """What `work` gathers, done by one process of this node for all that ask for the same, in the same turn."""
    node = node_of(os.environ)
    if node is None:
        return work()
    # Who loads settings twice reads twice; the turns of the processes belong together.
    _times[request] += 1
    turn = hashlib.sha256(json.dumps([node.key, request, _times[request]]).encode()).hexdigest()
    address = f"\0trainspec-{turn[:40]}"
    return _hand_out(address, node.size - 1, work) if node.rank == 0 else _take_over(address, work)


# The first process.


def _hand_out(address: str, others: int, work: Callable[[], Gathered]) -> Gathered:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(address)
    except OSError:
        # Somebody else's; the others see whose it is.
        listener.close()
        return work()
    listener.listen(others)
    office = _Office(listener, others)
    try:
        gathered = work()
    except BaseException:
        office.close()
        raise
    office.open(_as_bytes(gathered))
    return gathered


class _Office:
    """Hands a message to so many others of this user, in the background, then closes."""

    def __init__(self, listener: socket.socket, others: int) -> None:
        self.listener = listener
        self.others = others
        self.message = b""
        self.done = threading.Event()
        # A fork would keep the address, and answer nobody.
        os.register_at_fork(after_in_child=listener.close)

    def open(self, message: bytes) -> None:
        self.message = message
        threading.Thread(target=self._serve, name="trainspec secrets for this node", daemon=True).start()
        atexit.register(self.done.wait, LONGEST_END)

    def _serve(self) -> None:
        end = time.monotonic() + LONGEST_WAIT
        try:
            while self.others and (left := end - time.monotonic()) > 0:
                self.listener.settimeout(left)
                other, _ = self.listener.accept()
                with other:
                    if _user_of(other) == os.getuid():
                        other.settimeout(_LONGEST_SEND)
                        other.sendall(_HEADER.pack(len(self.message)) + self.message)
                        self.others -= 1
        except OSError:
            pass  # whoever did not come, or went away, says so itself
        finally:
            self.close()

    def close(self) -> None:
        self.message = b""
        self.listener.close()
        self.done.set()


# The others.


def _take_over(address: str, work: Callable[[], Gathered]) -> Gathered:
    end = time.monotonic() + LONGEST_WAIT
    while (left := end - time.monotonic()) > 0:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as first:
            first.settimeout(left)
            try:
                first.connect(address)
            except OSError:
                time.sleep(min(_TRY_EVERY, left))
                continue
            if _user_of(first) != os.getuid():
                return work()
            message = _receive(first)
        if message is None:
            return Gathered(found=[_no_hand_over("ended before it handed them over")])
        return _from_bytes(message)
    return Gathered(found=[_no_hand_over(f"has not read any within {LONGEST_WAIT:g} s")])


def _receive(first: socket.socket) -> bytes | None:
    """The whole message; None where the other side ends before it."""
    try:
        with first.makefile("rb") as stream:
            header = stream.read(_HEADER.size)
            if len(header) < _HEADER.size:
                return None
            (length,) = _HEADER.unpack(header)
            message = stream.read(length)
    except OSError:
        return None
    return message if len(message) == length else None


def _user_of(other: socket.socket) -> int:
    """The user whose process is on the other side, as the kernel knows it."""
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", other.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(user)


def _no_hand_over(what: str) -> Diagnostic:
    code = CODES["SRC122"]
    message = f"the first process of this node, which reads the secrets for all of them, {what}"
    evidence = (Evidence("secrets_from", None, Source(SourceKind.FOREIGN, "local rank 0")),)
    remedy = "see what that process says; all processes of a node must read the same settings in the same order"
    return Diagnostic("SRC122", code.name, "error", message, code.reason, remedy, evidence)


# What is handed over.


def _as_bytes(gathered: Gathered) -> bytes:
    found = [asdict(item) for item in gathered.found]
    return json.dumps({"values": gathered.values, "places": gathered.places, "found": found}).encode()


def _from_bytes(message: bytes) -> Gathered:
    told = json.loads(message)
    return Gathered(told["values"], told["places"], [_diagnostic(item) for item in told["found"]])


def _diagnostic(told: dict[str, Any]) -> Diagnostic:
    evidence = tuple(
        Evidence(one["field"], one["value"], Source(**{**one["source"], "kind": SourceKind(one["source"]["kind"])}))
        for one in told["evidence"]
    )
    return Diagnostic(**{**told, "evidence": evidence})
