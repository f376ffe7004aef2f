"""A second chance for what a network loses, and for nothing else; and an end to waiting for what never comes."""

from __future__ import annotations

import errno
import logging
import threading
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
_LOST_CONNECTION = {
    *("ConnectionError", "HTTPClientError", "ClientConnectionError", "IncompleteReadError"),
    *("ServiceRequestError", "ServiceResponseError"),
}
# What answers of Google's and Azure's servers become, whatever they say.
_ANSWERS = {"HttpError", "HttpResponseError"}
# Request timeout, too many requests.
_PASSING_ANSWERS = {408, 429}
_SERVER_FAILS = 500

DEFAULT_SECONDS = 60.0
# What an operation may wait in all once the process was asked to end: whoever asked kills it soon.
HURRIED_SECONDS = 3.0
# How long a wait goes on before anybody is told: most are over by then.
_TOLD_AFTER = 1.0
# How late a wait hears that the process was asked to end.
_LOOK_EVERY = 0.1
# What lies between two looks counts as no more waiting than this: a process that stood still has waited for nobody.
_LONGEST_LOOK = 0.5


class Outage:
    """Whether the store that operations wait for has been told of, and what the last gave up on, until one succeeds.

    The error is kept of who was in a hurry only, for others in a hurry, who have no time to hear the same.
    """

    told = False
    error: Exception | None = None


class Unanswered(TimeoutError):
    """A client that has not come back from a request, whatever it was told of how long to wait."""


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

    def run(self, action: Callable[[], T], what: Callable[[Exception], str] = str, *, watched: bool = False) -> T:
        """The result of `action`, which must be safe to repeat. Raises what its last attempt raised.

        A wait that lasts is told once on the log, with `what` of the error; not again until the store has answered.

        `watched`: it is one question and its answer, so that no client may take longer for it than is left of the time;
        one that does is left behind in a thread of its own.
        """
        if self.outage.error is not None and self._is_hurried():
            raise self.outage.error
        spent, wait = 0.0, self.first_wait
        while True:
            began = self.clock()
            try:
                result = self._answer(action, spent) if watched else action()
            except Exception as error:
                if not is_transient(error):
                    raise
                took = self.clock() - began
                if not isinstance(error, Unanswered):
                    took = min(took, self.silence)
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

    def _answer(self, action: Callable[[], T], spent: float) -> T:
        """What `action` returns or raises. Raises Unanswered when it has taken all of the time that is left."""
        answers: list[T] = []
        failures: list[BaseException] = []
        done = threading.Event()

        def ask() -> None:
            try:
                answers.append(action())
            except BaseException as error:
                failures.append(error)
            finally:
                done.set()

        waited, looked = 0.0, self.clock()
        threading.Thread(target=ask, name="trainspec storage", daemon=True).start()
        while not done.wait(_LOOK_EVERY):
            now = self.clock()
            waited += min(now - looked, _LONGEST_LOOK)
            looked = now
            if spent + waited >= (HURRIED_SECONDS if self._is_hurried() else self.seconds):
                raise Unanswered(f"it has not answered for {waited:.0f} seconds")
        if failures:
            raise failures[0]
        return answers[0]

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
    names = {base.__name__ for base in type(error).__mro__}
    if names & _ANSWERS:
        code = getattr(error, "code", None) or getattr(error, "status_code", None)
        return isinstance(code, int) and (code in _PASSING_ANSWERS or code >= _SERVER_FAILS)
    # Some wrap what was lost in an error of their own.
    return bool(names & _LOST_CONNECTION) or (error.__cause__ is not None and is_transient(error.__cause__))
