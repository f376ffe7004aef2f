"""Loops that take turns step by step, so that whatever else the machine does slows all of them down alike."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from benchmarks.training.jobs import Job, Stamped


class Turns:
    """One thread at a time runs, from the beginning of a forward pass to the next; processor seconds of each step."""

    def __init__(self, names: list[str]) -> None:
        self.seconds: dict[str, list[float]] = {name: [] for name in names}
        self._waiting = list(names)
        self._changed = threading.Condition()
        self._turn: str | None = None

    def clock(self, name: str) -> Callable[[], float]:
        """What the model of that loop asks for the time: the turn of the others passes meanwhile."""
        began: list[float] = []

        def ask() -> float:
            ended = time.thread_time()
            if began:
                self.seconds[name].append(ended - began.pop())
                self._pass_on(name)
            self._wait(name)
            began.append(time.thread_time())
            return began[0]

        return ask

    def leave(self, name: str) -> None:
        with self._changed:
            following = self._after(name)
            self._waiting.remove(name)
            if self._turn in (name, None):
                self._turn = following if following != name else None
            self._changed.notify_all()

    def _wait(self, name: str) -> None:
        with self._changed:
            if self._turn is None:
                self._turn = name
            self._changed.wait_for(lambda: self._turn == name)

    def _pass_on(self, name: str) -> None:
        with self._changed:
            self._turn = self._after(name)
            self._changed.notify_all()

    def _after(self, name: str) -> str:
        return self._waiting[(self._waiting.index(name) + 1) % len(self._waiting)]


def seconds_in_turn(job: Job, loops: Mapping[str, Callable[[Job], Stamped]]) -> dict[str, list[float]]:
    """Processor seconds of every step of each loop; those at the same place took place next to each other."""
    turns = Turns([*loops])
    faults: list[BaseException] = []

    def run(name: str) -> None:
        # Each thread has its own number.
        torch.set_num_threads(1)
        try:
            loops[name](replace(job, clock=turns.clock(name)))
        except BaseException as fault:
            faults.append(fault)
        finally:
            turns.leave(name)

    threads = [threading.Thread(target=run, args=(name,)) for name in loops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return turns.seconds
