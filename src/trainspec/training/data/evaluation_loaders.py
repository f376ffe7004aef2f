"""Evaluation loaders whose worker processes serve one evaluation after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


class KeptLoaders:
    """Keeps a loader for each data set where its workers are to stay, and makes a new one each time elsewhere.

    Of data sets that are not the Trainer's own the last one is kept alone, or each that a script makes for one
    evaluation would hold its workers and its rows for good.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Any, Any]] = {}

    def get(self, dataset: Any, make: Callable[[], Any], own: Iterable[Any] = ()) -> Any:
        """The loader of that very data set: what `make` returns, or returned the last time."""
        if id(dataset) in self._kept:
            return self._kept[id(dataset)][1]
        loader = make()
        if getattr(loader, "persistent_workers", False):
            staying = set(map(id, own))
            # Together with the data set, whose id nobody else can have as long as it is held.
            self._kept = {key: entry for key, entry in self._kept.items() if key in staying}
            self._kept[id(dataset)] = dataset, loader
        return loader

    def clear(self) -> None:
        """Let the workers go."""
        self._kept.clear()
