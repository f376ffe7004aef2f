"""A process that judges for a server: tasks come by stdin, answers go by stdout, and it ends with the server."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import IO, Any

# Small documents, which the server judges itself, come first.
_NICENESS = 5


def main() -> None:
    """Answer tasks until there are no more."""
    taken, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What else may read or print has neither.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    # Whoever stops the server may tell all that it started: what is being judged is finished.
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    path, models = pickle.load(taken)
    sys.path[:] = path
    _answer(taken, told, models)


def _answer(taken: IO[bytes], told: IO[bytes], models: bytes) -> None:
    from trainspec.service import admission, documents, judging  # noqa: F401 - what tasks are made of
    from trainspec.service.refusals import Refused
    from trainspec.service.work.judges import Judges
    from trainspec.text.reach import documents_alone

    judges = Judges(pickle.loads(models))
    _tell(told, "ready", None)
    while True:
        try:
            function, given = pickle.load(taken)
        except EOFError:
            return
        try:
            made = ("made", documents_alone(function, judges, *given))
        except Refused as why:
            made = ("raised", why)
        except Exception as error:
            made = ("broken", place_of(error))
        _tell(told, *made)


def _tell(told: IO[bytes], kind: str, value: Any) -> None:
    told.write(pickle.dumps((kind, value)))
    told.flush()


def place_of(error: Exception) -> str:
    """The kind of an error and where it was raised: its message may hold what was sent."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else "?"
    return f"{type(error).__name__} at {where}"
