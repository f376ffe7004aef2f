"""Streams of numbered rows, of all kinds, which count what is read of them in this process."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

ROWS = 29


def row(number: int) -> dict[str, Any]:
    return {"number": torch.tensor(number), "inputs": torch.full((4,), float(number)), "labels": torch.zeros(1)}


class Plain(IterableDataset[Any]):
    """Every worker has its own rows, the first one fewer than others; it tells nothing of where it is."""

    def __init__(self, rows: int = ROWS) -> None:
        self.rows, self.read = rows, 0

    def numbers(self) -> list[int]:
        worker = get_worker_info()
        if worker is None:
            return list(range(self.rows))
        of_first = self.rows // (2 * worker.num_workers)
        if worker.id == 0:
            return list(range(of_first))
        return list(range(of_first, self.rows))[worker.id - 1 :: worker.num_workers - 1 or 1]

    def __iter__(self) -> Iterator[Any]:
        return (self.made(number) for number in self.numbers())

    def made(self, number: int) -> Any:
        self.read += 1
        return row(number)


class Shuffling(Plain):
    """Draws the order of its rows through a buffer, and changes each, from the program's generators."""

    def __iter__(self) -> Iterator[Any]:
        waiting: list[int] = []
        for number in self.numbers():
            waiting.append(number)
            if len(waiting) > 4:
                yield self.made(waiting.pop(random.randrange(len(waiting))))
        random.shuffle(waiting)
        for number in waiting:
            yield self.made(number)

    def made(self, number: int) -> Any:
        made = super().made(number)
        return {**made, "inputs": made["inputs"] + torch.rand(())}


class Stated(Plain):
    """Tells where it is, and changes its rows by drawing. At its end it is at its beginning."""

    def __init__(self, rows: int = ROWS) -> None:
        super().__init__(rows)
        self.place = {"at": 0}

    def __iter__(self) -> Iterator[Any]:
        numbers = self.numbers()
        while self.place["at"] < len(numbers):
            self.place["at"] += 1
            made = self.made(numbers[self.place["at"] - 1])
            yield {**made, "inputs": made["inputs"] + torch.rand(())}
        self.place["at"] = 0

    def state_dict(self) -> dict[str, Any]:
        # The very object, which changes: who keeps it must keep what it says now.
        return self.place

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.place["at"] = state["at"]


class ByIterator(Plain):
    """Its iterator tells where it is."""

    def __iter__(self) -> Iterator[Any]:
        return Telling(self)


class Telling:
    def __init__(self, stream: Plain) -> None:
        self.stream, self.numbers, self.at = stream, stream.numbers(), 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.at == len(self.numbers):
            raise StopIteration
        self.at += 1
        return self.stream.made(self.numbers[self.at - 1])

    def state_dict(self) -> dict[str, Any]:
        return {"at": (self.at, None)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.at, _ = state["at"]


class Unsavable(Stated):
    """A state that no checkpoint can hold."""

    def state_dict(self) -> dict[str, Any]:
        return {**self.place, "what": object()}


class Loader:
    """Nobody's loader, which tells where it is itself."""

    def __init__(self, rows: int = ROWS, size: int = 4) -> None:
        self.stream, self.size, self.begin, self.at = Plain(rows), size, 0, 0

    @property
    def read(self) -> int:
        return self.stream.read

    def __iter__(self) -> Iterator[Any]:
        self.at, self.begin = self.begin, 0
        numbers = self.stream.numbers()
        while self.at < len(numbers):
            taken = numbers[self.at : self.at + self.size]
            self.at += len(taken)
            yield torch.utils.data.default_collate([self.stream.made(number) for number in taken])

    def state_dict(self) -> dict[str, Any]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.begin = state["at"]


def loader_of(kind: type[Any], size: int = 4, **more: Any) -> Any:
    return kind(size=size) if kind is Loader else DataLoader(kind(), batch_size=size, **more)


def numbers_of(batches: list[Any]) -> list[list[int]]:
    return [batch["number"].tolist() for batch in batches]
