"""Standard output, whose own failures are told apart from those of any other file."""

from __future__ import annotations

from typing import Any, TextIO


class AnswerLost(OSError):
    """What was to be written to stdout is not: its disk is full, or gone."""


class Answers:
    """In the place of sys.stdout: raises AnswerLost where that cannot be written to, and BrokenPipeError as it does."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            raise _lost(error) from error

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            raise _lost(error) from error


def _lost(error: OSError) -> OSError:
    return error if isinstance(error, BrokenPipeError) else AnswerLost(error.errno, error.strerror)
