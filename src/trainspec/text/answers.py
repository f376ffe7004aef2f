"""Standard output and standard error, whose own failures are told apart from those of any other file."""

from __future__ import annotations

from contextlib import suppress
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


class Losing:
    """In the place of sys.stderr: what that cannot take is lost, for nobody can be told.

    Equal to what it stands for: by that tqdm knows the bars on one terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __eq__(self, other: object) -> bool:
        return self._stream is (other._stream if isinstance(other, Losing) else other)

    def __hash__(self) -> int:
        return hash(self._stream)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def _lost(error: OSError) -> OSError:
    return error if isinstance(error, BrokenPipeError) else AnswerLost(error.errno, error.strerror)
