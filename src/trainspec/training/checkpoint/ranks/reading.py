"""Files that every process needs, read once: by the main process, which sends them to the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from trainspec.training.checkpoint.ranks.names import is_of_one_process
from trainspec.training.parallel.agreement import bytes_from_main

if TYPE_CHECKING:
    from trainspec.storage import Store
    from trainspec.training.checkpoint.load import Checkpoint
    from trainspec.training.parallel import Processes


def read_once(checkpoint: Checkpoint, processes: Processes) -> Checkpoint:
    """The same checkpoint, for what every process reads, and in the same order: its store is asked by one of them.

    What belongs to one process is read by that one, at any time.
    """
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
        return bytes_from_main(self._processes, f"reading {name}", lambda: self._store.read_bytes(name))
