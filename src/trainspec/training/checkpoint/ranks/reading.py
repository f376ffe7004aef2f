"""Files that every process needs, read once: by the main process, which sends them to the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import torch

from trainspec.training.checkpoint.ranks.files import is_of_one_process
from trainspec.training.parallel.agreement import on_main

if TYPE_CHECKING:
    from trainspec.storage import Store
    from trainspec.training.checkpoint.load import Checkpoint
    from trainspec.training.parallel import Processes

# Bytes in a message.
_AT_ONCE = 2**26


def read_once(checkpoint: Checkpoint, processes: Processes) -> Checkpoint:
    """The same checkpoint, for what every process reads, and in the same order: its store is asked by one of them.

    What belongs to one process is read by that one, at any time.
    """
    if processes.world_size == 1:
        return checkpoint
    return replace(checkpoint, store=cast("Store", _SentByMain(checkpoint.store, processes)))


class _SentByMain:
    def __init__(self, store: Store, processes: Processes) -> None:
        self._store = store
        self._processes = processes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def read_bytes(self, name: str) -> bytes:
        """The whole content of a file. Where the main process cannot read it, all raise."""
        if is_of_one_process(name):
            return self._store.read_bytes(name)
        read: list[bytes] = []

        def size() -> int:
            read.append(self._store.read_bytes(name))
            return len(read[0])

        length = on_main(self._processes, f"reading {name}", size)
        if self._processes.is_main:
            for start in range(0, length, _AT_ONCE):
                part = bytearray(read[0][start : start + _AT_ONCE])
                self._processes.broadcast(torch.frombuffer(part, dtype=torch.uint8))
            return read[0]
        got = bytearray()
        for _ in range(0, length, _AT_ONCE):
            got += self._processes.broadcast(torch.empty(0, dtype=torch.uint8)).numpy().tobytes()
        return bytes(got)
