"""No log record of a thread that holds secrets: at DEBUG the libraries of clouds log whole answers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_silent: set[int] = set()


class _Factory:
    """Makes records as before, but those of silent threads without words and below every handler's level."""

    def __init__(self, before: Callable[..., logging.LogRecord]) -> None:
        self.before = before

    def __call__(self, *args: object, **kwargs: object) -> logging.LogRecord:
        if threading.get_ident() not in _silent:
            return self.before(*args, **kwargs)
        record = logging.LogRecord("", logging.NOTSET, "", 0, "", None, None)
        # Handlers of level 0 take everything that is not below it.
        record.levelno = -1
        return record


@contextmanager
def silent() -> Iterator[None]:
    """While it lasts, nothing that this thread logs reaches a handler, whichever logger it goes to."""
    ident = threading.get_ident()
    with _lock:
        _silent.add(ident)
        if not isinstance(logging.getLogRecordFactory(), _Factory):
            logging.setLogRecordFactory(_Factory(logging.getLogRecordFactory()))
    try:
        yield
    finally:
        with _lock:
            _silent.discard(ident)
            current = logging.getLogRecordFactory()
            if not _silent and isinstance(current, _Factory):
                logging.setLogRecordFactory(current.before)
