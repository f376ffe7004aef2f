"""Deadlines, for which a clock is only set where there is something to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives. Raises TimeoutError where that takes more than so many seconds.

    Most bodies came together with the head of their request: a clock for each of those would cost a twentieth of what
    answering it does.
    """
    try:
        awaited = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    async with asyncio.timeout(seconds):
        return await _resumed(work, awaited)


@coroutine
def _resumed(work: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """A coroutine that waits already, as `await` would go on with it."""
    while True:
        try:
            sent = yield awaited
        except BaseException as error:
            step = partial(work.throw, error)
        else:
            step = partial(work.send, sent)
        try:
            awaited = step()
        except StopIteration as done:
            result: T = done.value
            return result
