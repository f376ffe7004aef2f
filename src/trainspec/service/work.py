"""Work on documents, within its time, beside the loop that talks to clients.

What is small is done at once, which costs less than handing it over; the rest by threads. A document's size, values and
depth are bounded before it is judged, so that a thread that is out of time ends soon, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from trainspec.service.options import Limits
from trainspec.service.refusals import refused
from trainspec.text.reach import documents_alone

T = TypeVar("T")
SMALL = 1024


class Work:
    """Threads that judge, and how many documents wait for one."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._threads = ThreadPoolExecutor(limits.threads, "judge")
        self._open = 0

    async def do(self, size: int, function: Callable[..., T], *given: Any) -> T:
        """What a function makes of a body of so many bytes. Raises Refused where it takes too long."""
        if size <= SMALL:
            return _alone(function, *given)
        if self._open >= self._limits.threads + self._limits.waiting:
            raise refused(429, "SVC107", "too many documents wait to be judged", Retry_After="1")
        self._open += 1
        future = self._threads.submit(_alone, function, *given)
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda done: _tell(loop, self._done, done))
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise refused(413, "SVC102", f"judging took more than {self._limits.seconds:g} seconds") from None

    def _done(self, _: Future[Any]) -> None:
        self._open -= 1

    def end(self) -> None:
        """Wait for what is being judged, and take no more."""
        self._threads.shutdown(cancel_futures=True)


def _tell(loop: asyncio.AbstractEventLoop, told: Callable[[Future[Any]], None], future: Future[Any]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(told, future)


def _alone(function: Callable[..., T], *given: Any) -> T:
    with documents_alone():
        return function(*given)
