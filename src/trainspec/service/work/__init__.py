"""Work on documents, within its time, beside the loop that talks to clients.

What is small is done at once, which costs less than handing it over; what may take some milliseconds, by threads; what
may take longer, by processes, which are ended where they are out of time, and which leave the processor to the rest.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from trainspec.service.options import Limits
from trainspec.service.refusals import refused
from trainspec.service.work.judges import Judges
from trainspec.service.work.processes import Ended, OutOfTime, Processes, is_importable
from trainspec.text.reach import documents_alone

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

T = TypeVar("T")
_log = logging.getLogger("trainspec.service")
# Bytes of bodies that are judged in less than some milliseconds, and in less than some hundred.
SMALL, MEDIUM = 1024, 16 * 1024


class Work:
    """Threads and processes that judge, and how many documents wait for one."""

    def __init__(self, limits: Limits, models: Mapping[str, type[BaseSettings]]) -> None:
        self.judges = Judges(models)
        self._limits = limits
        self._threads = ThreadPoolExecutor(limits.threads, "judge")
        # Classes that no other process can import are judged by threads, whatever the size.
        self._sent = {name: model for name, model in models.items() if is_importable(model)}
        number = max(1, min(limits.threads, os.cpu_count() or 1))
        self._processes = Processes(number, self._sent)
        self._turns = asyncio.Semaphore(number)
        self._open = 0

    async def do(
        self,
        body: bytes,
        function: Callable[..., T],
        *given: Any,
        model: str | None = None,
        often: int = 1,
        beside: bool = False,
    ) -> T:
        """What a function makes of these judges and a body, which it reads so often.

        The function and what it is given go to another process where the body is large, and are not done at once where
        they are to be done `beside` what else there is. Raises Refused where it takes too long.
        """
        size = len(body) * often
        if b"*" in body and b"&" in body:
            # References may stand for much.
            size = max(size, MEDIUM + 1)
        if size <= SMALL and not beside:
            return documents_alone(function, self.judges, body, *given)
        if self._open >= self._limits.threads + self._limits.waiting:
            raise refused(429, "SVC107", "too many documents wait to be judged", Retry_After="1")
        self._open += 1
        if size <= MEDIUM or (model is not None and model not in self._sent):
            return await self._by_thread(function, body, *given)
        try:
            return await self._by_process(len(body), function, body, *given)
        finally:
            self._open -= 1

    async def _by_thread(self, function: Callable[..., T], *given: Any) -> T:
        future = self._threads.submit(documents_alone, function, self.judges, *given)
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda done: _tell(loop, self._done, done))
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise self._too_long() from None

    async def _by_process(self, size: int, function: Callable[..., T], *given: Any) -> T:
        try:
            async with asyncio.timeout(self._limits.seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise refused(429, "SVC107", "too many documents wait to be judged", Retry_After="1") from None
        loop = asyncio.get_running_loop()
        done = asyncio.ensure_future(self._processes.do(loop, self._limits.seconds, function, *given))
        # Where the client goes away, the turn is over when the process is free.
        done.add_done_callback(lambda _: self._turns.release())
        try:
            result: T = await asyncio.shield(done)
        except OutOfTime:
            raise self._too_long() from None
        except Ended:
            _log.error("a process ended over a document of %s bytes", size)
            raise refused(413, "SVC110", "judging it ended the process that judged it", "send less at once") from None
        return result

    def _too_long(self) -> Exception:
        return refused(413, "SVC102", f"judging took more than {self._limits.seconds:g} seconds")

    def _done(self, _: Future[Any]) -> None:
        self._open -= 1

    def end(self) -> None:
        """Wait for what is being judged by threads, and take no more."""
        self._threads.shutdown(cancel_futures=True)
        self._processes.end()


def _tell(loop: asyncio.AbstractEventLoop, told: Callable[[Future[Any]], None], future: Future[Any]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(told, future)
