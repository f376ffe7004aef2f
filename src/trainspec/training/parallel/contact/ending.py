"""How a process of several ends by an error: it is told once, with its rank.

The process says it on stderr, and leaves it where its launcher looks for it: in the file that TORCHELASTIC_ERROR_FILE
names, which torchrun shows in its summary, and `trainspec train --nproc` instead of everything else. Whoever ends only
because another did says so in one line, and only where that one could not speak for itself.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trainspec.settings.arguments.launch import Launch
from trainspec.training.parallel.processes import ProcessesError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

Fault = TypeVar("Fault", bound=BaseException)

# The agent of `--nproc` names its runs so that ranks know who tells their errors.
OUR_RUNS = "trainspec-"
_ERROR_FILE = "TORCHELASTIC_ERROR_FILE"


class MissingError(ProcessesError):
    """Others ended or did not come. `tells`: whether this process is the one that says so."""

    def __init__(self, message: str, *, tells: bool = True) -> None:
        super().__init__(message)
        self.tells = tells


class Kind(StrEnum):
    """Why a process ends: it is done, was asked to end, cannot do what it should, broke, or others ended."""

    DONE = "done"
    ASKED = "asked"
    REFUSED = "refused"
    FAULT = "fault"
    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Word:
    """The last of a process."""

    rank: int
    kind: Kind
    code: int
    text: str
    time: float


def leave_word(text: str, code: int, kind: Kind) -> None:
    """For the launcher, in the shape that torch's own error files have. Nothing where none asks for it."""
    path = os.environ.get(_ERROR_FILE)
    if not path:
        return
    now = time.time()
    # torchrun takes the earliest for the cause, and counts whole seconds: who only follows came after it.
    second = int(now) + (kind is Kind.OTHERS)
    more = {"timestamp": str(second), "time": now, "code": code, "kind": kind, "rank": Launch.of_this_process().rank}
    content = {"message": {"message": text, "errorCode": code, "extraInfo": {"py_callstack": text, **more}}}
    try:
        Path(path).write_text(json.dumps(content), encoding="utf-8")
    except OSError:
        # Who ends has nobody left to complain to.
        return


def read_word(path: Path) -> Word | None:
    """What a rank left there; None for nothing, for half of it, and for what others wrote."""
    try:
        message = json.loads(path.read_text(encoding="utf-8"))["message"]
        more = message["extraInfo"]
        return Word(int(more["rank"]), Kind(more["kind"]), int(more["code"]), str(message["message"]), more["time"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def told_by_agent() -> bool:
    """Whether `trainspec train --nproc` started this process, and tells of its end."""
    return os.environ.get("TORCHELASTIC_RUN_ID", "").startswith(OUR_RUNS)


def with_rank(text: str) -> str:
    """The text as one process of several says it."""
    launch = Launch.of_this_process()
    return text if launch.world_size == 1 else f"rank {launch.rank}: {text}"


def say_end(text: str, code: int, kind: Kind) -> int:
    """Say on stderr by which error this process ends, leave it for the launcher, and return the exit code."""
    told = with_rank(text)
    leave_word(told, code, kind)
    if not (kind is Kind.OTHERS and told_by_agent()):
        sys.stderr.write(told + "\n")
        sys.stderr.flush()
    return code


def say_missing(error: MissingError, code: int) -> int:
    """The same for an error of others: silently, unless it is for this process to say."""
    leave_word(str(error), code, Kind.OTHERS)
    if error.tells and not told_by_agent():
        sys.stderr.write(f"{error}\n")
    return code


def say_fault(error: BaseException, code: int) -> int:
    """The same for an error that nobody foresaw: with its traceback, which a launcher is to show once."""
    trace = "".join(traceback.format_exception(error)).rstrip()
    said = say_end(trace, code, Kind.FAULT)
    if not told_by_agent():
        leave_word(with_rank(_in_short(error)), code, Kind.FAULT)
    return said


def _in_short(error: BaseException) -> str:
    return traceback.format_exception_only(error)[-1].rstrip()


def explained(error: Fault) -> Fault | MissingError:
    """The error that ends this process, or a MissingError in its place where it ends because another has."""
    return _explaining[0](error) if _explaining else error


def tell_uncaught_errors(explain: Callable[[Any], Any]) -> None:
    """From now on an error that ends a script is told as above: Python itself would know nothing of ranks.

    `explain` is what `explained` asks.
    """
    _explaining[:] = [explain]
    if not isinstance(sys.excepthook, _Hook):
        sys.excepthook = _Hook(sys.excepthook)


# Connections come to a process, not to a run: who knows of them last is asked.
_explaining: list[Callable[[Any], Any]] = []


class _Hook:
    """Stands before what Python, or a library, does with an error that nobody caught."""

    def __init__(self, before: Callable[..., Any]) -> None:
        self._before = before

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        # A Ctrl-C that only this process got, too: the others are not to wait for its word.
        why = explained(error)
        if isinstance(why, MissingError):
            say_missing(why, 1)
            return
        if isinstance(error, Exception):
            leave_word(with_rank(_in_short(error)), 1, Kind.FAULT)
            if getattr(error, "agreed", False) and Launch.of_this_process().rank != 0:
                return
        self._before(kind, error, trace)
