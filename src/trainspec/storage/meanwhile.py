"""A second thread for work that can be done in two."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def meanwhile(action: Callable[[Callable[[], bool]], object]) -> Iterator[None]:
    """Run `action` in a thread while the block runs; after the block it is done. Raises what it raised.

    Where the block fails, an interrupt included, what `action` is called with says from then on that nobody waits for
    its result any more: it must ask often, for the thread is waited for even so, and none is left behind.
    """
    over = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            action(over.is_set)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="trainspec meanwhile", daemon=True)
    thread.start()
    try:
        yield
        thread.join()
    finally:
        over.set()
        thread.join()
    if failures:
        raise failures[0]
