"""Decisions that must be the same in every process: taken in one place, a fixed bundle of them at a time.

A process that asks the others while they do not listen waits for ever. So whether to ask is never decided locally: at
each of five moments of a run every process says all that it would do, whatever that is, exactly once.

    BeforeUpdate   the gradients of a window are there
    AfterUpdate    an update is done, and callbacks have asked for what they want; nobody speaks where all know already
                   that nothing is wanted
    AfterEpoch     the same at the end of an epoch
    BeforeSave     callbacks have heard of a log or an evaluation
    Onward         logs, evaluations and saves are done, and callbacks have heard of them

What follows from an agreed flag happens in every process, and may ask the others itself (`same`, an evaluation).
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from trainspec.training.parallel.processes import ProcessesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainspec.training.parallel.processes import Processes


@dataclass(slots=True)
class BeforeUpdate:
    """What one process found in its part of the work of a window. Whether a gradient overflowed is no part of it:
    the scaler must know, so that the strategy agrees on it within its step.
    """

    out_of_memory: bool = False


@dataclass(slots=True)
class AfterUpdate:
    """What is to be done now. The run must end: `non_finite`, for a loss or gradient that is no number; `interrupted`,
    for a signal. `saved`: a save in flight is over.
    """

    log: bool = False
    evaluate: bool = False
    save: bool = False
    stop_epoch: bool = False
    stop: bool = False
    non_finite: bool = False
    interrupted: bool = False
    saved: bool = False


@dataclass(slots=True)
class AfterEpoch(AfterUpdate):
    """The same, when the data has ended or was left."""


@dataclass(slots=True)
class BeforeTheEnd(AfterUpdate):
    """The same, when training is over, inside of an epoch or after it."""


@dataclass(slots=True)
class BeforeSave:
    """Whether a checkpoint follows the log or the evaluation of this update."""

    save: bool = False


@dataclass(slots=True)
class Onward:
    """Whether the epoch, or the run, ends here."""

    stop_epoch: bool = False
    stop: bool = False


Bundle = TypeVar("Bundle", BeforeUpdate, AfterUpdate, AfterEpoch, BeforeTheEnd, BeforeSave, Onward)
Value = TypeVar("Value")

_MOMENTS: tuple[type[Any], ...] = (BeforeUpdate, AfterUpdate, AfterEpoch, BeforeTheEnd, BeforeSave, Onward)
_FLAGS = {moment: tuple(entry.name for entry in fields(moment)) for moment in _MOMENTS}
_WIDEST = max(map(len, _FLAGS.values()))


class DisagreementError(ProcessesError):
    """Processes that must be at one are not: they would wait for each other for ever, or do different things."""


class Agreement:
    """The agreements of one run. Alone, a process agrees with itself at no cost."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._alone = processes.world_size == 1
        self._last: dict[type[Any], int] = {}

    @property
    def needs_nobody(self) -> bool:
        """Whether this process is the only one, and may go its own way."""
        return self._alone

    def agree(self, flags: Bundle, number: int) -> Bundle:
        """The same object, in which is true now what any process said.

        `number` is that of the update, or of the epoch: each moment has one agreement for each number, and they come in
        order. Raises DisagreementError for a second one, also where there is one process, and where processes have come
        to different moments.
        """
        moment = type(flags)
        if number <= self._last.get(moment, -1):
            raise DisagreementError(f"{moment.__name__} {number}: was agreed on, after it {self._last[moment]}")
        self._last[moment] = number
        return flags if self._alone else self._agreed(flags, number)

    def note(self, number: int) -> None:
        """That an update is done after which there was nothing to agree on."""
        self._processes.at_update(number, done=True)

    def _agreed(self, flags: Bundle, number: int) -> Bundle:
        names = _FLAGS[type(flags)]
        said: list[bool] = [bool(getattr(flags, name)) for name in names]
        if isinstance(flags, BeforeUpdate):
            self._processes.at_update(number + 1, done=False)
        place: list[int] = [_MOMENTS.index(type(flags)), number]
        # The largest of the negative is the smallest: both together tell whether all are at the same place.
        message = [*place, *(-entry for entry in place), *said, *[0] * (_WIDEST - len(said))]
        answer = self._processes.maxima(message)
        if answer[2:4] != [-answer[0], -answer[1]]:
            self.same([type(flags).__name__, number], "the moment of a run")
        if type(flags) is AfterUpdate:
            self._processes.at_update(number, done=True)
        for name, agreed in zip(names, answer[4:], strict=False):
            setattr(flags, name, bool(agreed))
        return flags

    def same(self, value: Value, what: str = "a value") -> Value:
        """The value, small and as JSON holds it, where all processes have the same.

        Raises DisagreementError in all of them, which names those that differ from the first.
        """
        if self._alone:
            return value
        told = [json.dumps(entry, sort_keys=True) for entry in self._processes.each(value)]
        differing = [f"rank {rank} {text}" for rank, text in enumerate(told) if text != told[0]]
        if differing:
            raise DisagreementError(f"{what} differs: rank 0 has {told[0]}, {', '.join(differing)}")
        return value


class OtherProcessError(ProcessesError):
    """Another process failed in what all do together; the message has its rank and its reason."""


class Talk:
    """What processes tell each other at the end of what they do together, small and as JSON keeps it."""

    def __init__(self) -> None:
        self.said: Any = None
        # Of every process, in the order of ranks; there once the block is over.
        self.heard: list[Any] = []


def all_know_of(processes: Processes, error: BaseException | None) -> bool:
    """Whether every process has heard of this error, or of the one that it came from, by `together`."""
    if processes.world_size == 1:
        return True
    while error is not None:
        if getattr(error, _TOLD, False) or isinstance(error, OtherProcessError):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def together(processes: Processes, what: str) -> Iterator[Talk]:
    """Around what every process does, and any may fail in: at its end they hear of each other, and all go on or none.

    Nothing in the block may wait for another process after something that can fail in one alone. A process in which the
    block raises, raises that; the others raise OtherProcessError, within moments.
    """
    talk = Talk()
    if processes.world_size == 1:
        yield talk
        talk.heard = [talk.said]
        return
    try:
        yield talk
    except ProcessesError:
        # All have heard of it already, or nobody can hear of anything.
        raise
    except BaseException as error:
        if not getattr(error, _TOLD, False):
            _tell(processes, error)
        raise
    told = processes.each({"said": talk.said})
    failures = [f"rank {rank}: {entry['failed']}" for rank, entry in enumerate(told) if "failed" in entry]
    if failures:
        raise OtherProcessError(f"{what} failed in another process: {'; '.join(failures)}")
    talk.heard = [entry["said"] for entry in told]


def all_here(processes: Processes, what: str) -> None:
    """Before what processes do together inside of somebody's own code, which may have failed in one of them already."""
    with together(processes, what):
        pass


def on_main(processes: Processes, what: str, work: Callable[[], Value]) -> Value:
    """What the main process makes of it, small and as JSON keeps it; where it fails there, it fails in all."""
    with together(processes, what) as talk:
        talk.said = work() if processes.is_main else None
    made: Value = talk.heard[0]
    return made


def bytes_from_main(processes: Processes, what: str, read: Callable[[], bytes]) -> bytes:
    """What the main process reads, in every process; where it cannot read it, all raise."""
    if processes.world_size == 1:
        return read()
    content = b""

    def size() -> int:
        nonlocal content
        content = read()
        return len(content)

    length, sent = on_main(processes, what, size), bytearray()
    for start in range(0, length, _AT_ONCE):
        part = torch.frombuffer(bytearray(content[start : start + _AT_ONCE] or b"-"), dtype=torch.uint8)
        got = processes.broadcast(part)
        sent += b"" if processes.is_main else got.numpy().tobytes()
    return content if processes.is_main else bytes(sent)


# Bytes in a message.
_AT_ONCE = 2**26
# Of an error that others have been told of.
_TOLD = "_told_to_other_processes"


def _tell(processes: Processes, error: BaseException) -> None:
    with suppress(AttributeError):
        setattr(error, _TOLD, True)
    text = (str(error).splitlines() or [""])[0]
    # That they do not hear of it must not hide what it is.
    with suppress(ProcessesError):
        processes.each({"failed": f"{type(error).__name__}: {text}" if text else type(error).__name__})
