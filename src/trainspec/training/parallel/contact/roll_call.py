"""Who is missing when processes have waited for each other in vain."""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
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
# Seconds that others have, after an operation failed, to say that they waited as well.
_PATIENCE = 5.0
# Seconds that the store itself has to answer.
_STORE = 3.0
_UNHEARD = "The store that joins the processes does not answer: who holds it, often rank 0, has ended."


def is_of_others(error: BaseException) -> bool:
    """Whether other processes, or the connection to them, made this error, and not what this process did."""
    if isinstance(error, dist.DistError | MissingError):
        return True
    return isinstance(error, RuntimeError) and _OF_OTHERS.search(str(error)) is not None


def waited_in_vain(error: BaseException) -> bool:
    """Whether this process has waited for others for as long as it may, and did not hear that they had ended."""
    return is_of_others(error) and _TOO_LATE.search(str(error)) is not None


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
        found = self._heard(operation)
        if found is None:
            # Who else there is to say so cannot be asked.
            return Answers(speaks=self._rank <= 1, unheard=_UNHEARD)
        if found.ended:
            found.speaks = False
        else:
            found.silent = [rank for rank in self._others if rank not in found.waiting]
            found.speaks = self._rank < min(found.waiting, default=self._rank + 1)
        return found

    def _heard(self, operation: str) -> Answers | None:
        """None where the store does not answer. A store that is cut off, or stopped, keeps who asks it for ever."""
        found, is_heard = Answers(), threading.Event()

        def ask() -> None:
            with suppress(RuntimeError):
                self._store.set(f"{_WAITS}/{self._rank}", operation)
                self._listen(found)
                is_heard.set()

        asking = threading.Thread(target=ask, name="trainspec roll call", daemon=True)
        asking.start()
        asking.join(self._patience + _STORE)
        return found if is_heard.is_set() else None

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


def missing(operation: str, error: BaseException, store: Any, place: tuple[int, int], timeout: float) -> MissingError:
    """What a process of `place`, its rank and how many there are, ends by where an operation of all failed.

    `store` is None where they have none yet; `timeout` is in seconds.
    """
    rank, size = place
    # Without the place in the source of gloo.
    reason = re.sub(r"^\[[^\]]*\] *", "", str(error)).partition("\n")[0]
    if store is None:
        said = f"Not all of the {size} processes came."
        return MissingError(f"rank {rank}: {operation} failed. {said} ({reason})")
    answers = RollCall(store, rank, size, min(_PATIENCE, timeout)).answer(operation)
    said = answers.in_words(error, timeout)
    return MissingError(f"rank {rank}: {operation} failed. {said} ({reason})", tells=answers.speaks)
