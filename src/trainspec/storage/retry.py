"""A second chance for what a network loses, and for nothing else; and an end to waiting for what never comes."""

from __future__ import annotations

import errno
import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

logger = logging.getLogger(__name__)

_FINAL_ERRORS = (
    FileNotFoundError,
    FileExistsError,
    PermissionError,
    IsADirectoryError,
    NotADirectoryError,
    NotImplementedError,
)
_FINAL_NUMBERS = {errno.ENOSPC, errno.EINVAL, errno.ENAMETOOLONG, errno.EROFS, errno.EDQUOT, errno.EFBIG}
# Client libraries have families of their own for a lost connection, outside of OSError; they are known by
# name, so that none of them has to be imported.
_LOST_CONNECTION = {"ConnectionError", "HTTPClientError", "ClientConnectionError", "IncompleteReadError"}

DEFAULT_SECONDS = 60.0
# What an operation may wait in all once the process was asked to end: whoever asked kills it soon.
HURRIED_SECONDS = 3.0
# How long a wait goes on before anybody is told: most are over by then.
_TOLD_AFTER = 1.0
# How late a wait hears that the process was asked to end.
_LOOK_EVERY = 0.1


class Outage:
    """Whether the store that operations wait for has been told of, and what the last gave up on, until one succeeds.

    The error is kept of who was in a hurry only, for others in a hurry, who have no time to hear the same.
    """

    told = False
    error: Exception | None = None


_hurries: list[None] = []


@contextmanager
def hurrying() -> Iterator[None]:
    """The process was asked to end: for as long as the block runs, no operation of it waits for long."""
    _hurries.append(None)
    try:
        yield
    finally:
        _hurries.pop()


def _never() -> bool:
    return False


@dataclass(frozen=True)
class RetryPolicy:
    """How long a remote operation is tried: `seconds` in all, with waits in between: `first_wait`, then doubled.

    What counts are the waits, and of each failed attempt as much as a client waits for an answer (`silence`): a long
    upload that breaks off has earned another attempt. Once `hurried` says that the process was asked to end, a wait is
    cut short, and no operation waits for more than HURRIED_SECONDS.
    """

    seconds: float = DEFAULT_SECONDS
    first_wait: float = 0.25
    longest_wait: float = 8.0
    hurried: Callable[[], bool] = _never
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    outage: Outage = field(default_factory=Outage, compare=False)

    @property
    def silence(self) -> float:
        """Seconds that a client should wait for a connection, or an answer, so that several attempts are possible."""
        return max(self.seconds / 6, 0.1)

    def run(self, action: Callable[[], T], what: Callable[[Exception], str] = str) -> T:
        """The result of `action`, which must be safe to repeat. Raises what its last attempt raised.

        A wait that lasts is told once on the log, with `what` of the error; not again until the store has answered.
        """
        if self.outage.error is not None and self._is_hurried():
            raise self.outage.error
        spent, wait = 0.0, self.first_wait
        while True:
            began = self.clock()
            try:
                result = action()
            except Exception as error:
                if not is_transient(error):
                    raise
                took = min(self.clock() - began, self.silence)
                spent += took
                pause = min(wait, self.longest_wait)
                if self._is_hurried():
                    if spent + pause > HURRIED_SECONDS:
                        self.outage.error = error
                        raise
                elif spent + pause + took > self.seconds:
                    # Another attempt may take as long as this one.
                    raise
                if spent + pause > _TOLD_AFTER and not self.outage.told:
                    self.outage.told = True
                    logger.warning("%s; trying again for up to %g seconds", what(error), self.seconds)
                spent += self._wait(pause)
                if self._is_hurried() and spent > HURRIED_SECONDS:
                    self.outage.error = error
                    raise
            else:
                self.outage.error = None
                if self.outage.told:
                    self.outage.told = False
                    logger.info("the store answers again")
                return result
            wait *= 2

    def _is_hurried(self) -> bool:
        return bool(_hurries) or self.hurried()

    def _wait(self, seconds: float) -> float:
        """Wait so long, or until the process is asked to end; returns the seconds that it took."""
        left, hurried_before = seconds, self._is_hurried()
        while left > 0 and (hurried_before or not self._is_hurried()):
            piece = min(left, _LOOK_EVERY)
            self.sleep(piece)
            left -= piece
        return seconds - max(left, 0.0)


def is_transient(error: BaseException) -> bool:
    """Whether the same operation may succeed a moment later."""
    if isinstance(error, _FINAL_ERRORS):
        return False
    if isinstance(error, OSError):
        return error.errno not in _FINAL_NUMBERS
    return any(base.__name__ in _LOST_CONNECTION for base in type(error).__mro__)
