"""Who is missing when processes have waited for each other in vain."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any

import torch.distributed as dist

from trainspec.training import interruption
from trainspec.training.parallel.contact.ending import MissingError

_WAITS, _ENDS = "waits", "ends"
# What gloo and NCCL write into errors that are of no type of their own.
_OF_OTHERS = re.compile(
    r"\bgloo\b|\bNCCL\b|ProcessGroup\w* |"
    r"(closed|reset) by peer|broken pipe|pair closure|timed out waiting|wait timeout",
    re.IGNORECASE,
)
_TOO_LATE = re.compile(r"time ?d? ?out", re.IGNORECASE)
_EVERY = 0.05


def is_of_others(error: BaseException) -> bool:
    """Whether other processes, or the connection to them, made this error, and not what this process did."""
    if isinstance(error, dist.DistError | MissingError):
        return True
    return isinstance(error, RuntimeError) and _OF_OTHERS.search(str(error)) is not None


@dataclass
class Answers:
    """What a process hears of the others: where they wait, by what they ended, and of whom it hears nothing.

    `speaks`: whether it is the first of those that wait, which tells what is not told by somebody else.
    """

    waiting: dict[int, str] = field(default_factory=dict)
    ended: dict[int, str] = field(default_factory=dict)
    silent: list[int] = field(default_factory=list)
    speaks: bool = True
    unheard: str = ""

    def in_words(self, why: BaseException, timeout: float) -> str:
        said = [self.unheard] if self.unheard else []
        said += [f"Rank {rank} ended: {how}." for rank, how in self.ended.items()]
        if self.silent:
            ranks = ", ".join(map(str, self.silent))
            late = f" within {timeout:g} s (ddp_timeout)" if _TOO_LATE.search(str(why)) else ""
            said.append(f"Nothing is heard of rank {ranks}{late}.")
        return " ".join([*said, *(f"Rank {rank} waits in {where}." for rank, where in self.waiting.items())])


class RollCall:
    """Through the store that joined the processes: each whose operation failed writes in which one it waited.

    `store` is one of torch.distributed's. `patience` is in seconds: the others notice a little later, or earlier. Who
    is told to end meanwhile waits no longer.
    """

    def __init__(self, store: Any, rank: int, world_size: int, patience: float) -> None:
        self._store = store
        self._rank = rank
        self._others = [other for other in range(world_size) if other != rank]
        self._patience = patience

    def leave(self, how: str) -> None:
        """Say by which error this process ends, before the others notice that it has gone."""
        try:
            self._store.set(f"{_ENDS}/{self._rank}", how)
        except RuntimeError:
            # Then they hear nothing, and say so.
            return

    def answer(self, operation: str) -> Answers:
        """What the others say, once each has said something or time is up."""
        found = Answers()
        try:
            self._store.set(f"{_WAITS}/{self._rank}", operation)
            self._listen(found)
        except RuntimeError:
            found.unheard = "The store that joins the processes does not answer: who holds it, often rank 0, has ended."
            # Who else there is to say so cannot be asked.
            found.speaks = self._rank <= 1
            return found
        if found.ended:
            found.speaks = False
        else:
            found.silent = [rank for rank in self._others if rank not in found.waiting]
            found.speaks = self._rank < min(found.waiting, default=self._rank + 1)
        return found

    def _listen(self, found: Answers) -> None:
        until = time.monotonic() + self._patience
        left = list(self._others)
        while left:
            for rank in tuple(left):
                for what, heard in ((_ENDS, found.ended), (_WAITS, found.waiting)):
                    if self._store.check([f"{what}/{rank}"]):
                        heard[rank] = self._store.get(f"{what}/{rank}").decode()
                        left.remove(rank)
                        break
            # Whoever ended is the reason; where the others wait is no news any more.
            if found.ended or interruption.is_noted() or time.monotonic() > until:
                return
            time.sleep(_EVERY)
