"""Who is missing when processes have waited for each other in vain."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any


class RollCall:
    """Through the store that joined the processes: each whose operation failed writes in which one it waited.

    `store` is one of torch.distributed's. `patience` is in seconds: the others notice a little later, or earlier.
    """

    def __init__(self, store: Any, rank: int, world_size: int, patience: float) -> None:
        self._store = store
        self._rank = rank
        self._others = [other for other in range(world_size) if other != rank]
        self._patience = patience

    def answer(self, operation: str) -> str:
        """A sentence or more: of whom nothing is heard, and where the others wait."""
        try:
            self._store.set(f"waits/{self._rank}", operation)
            heard = dict(self._heard())
        except RuntimeError:
            return "The store that joins the processes does not answer: who holds it, often rank 0, has ended."
        silent = [str(rank) for rank in self._others if rank not in heard]
        said = [f"Rank {rank} waits in {where}." for rank, where in heard.items()]
        return " ".join([*([f"Nothing is heard of rank {', '.join(silent)}."] if silent else []), *said])

    def _heard(self) -> Iterator[tuple[int, str]]:
        until = time.monotonic() + self._patience
        for rank in self._others:
            key = f"waits/{rank}"
            while not (there := self._store.check([key])) and time.monotonic() < until:
                time.sleep(0.05)
            if there:
                yield rank, self._store.get(key).decode()
