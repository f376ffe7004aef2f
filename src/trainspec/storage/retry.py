"""A second chance for what a network loses, and for nothing else."""

from __future__ import annotations

import errno
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_FINAL_ERRORS = (
    FileNotFoundError,
    FileExistsError,
    PermissionError,
    IsADirectoryError,
    NotADirectoryError,
    NotImplementedError,
)
_FINAL_NUMBERS = {errno.ENOSPC, errno.EINVAL, errno.ENAMETOOLONG, errno.EROFS, errno.EDQUOT}
# Client libraries have families of their own for a lost connection, outside of OSError; they are known by
# name, so that none of them has to be imported.
_LOST_CONNECTION = {"ConnectionError", "HTTPClientError", "ClientConnectionError", "IncompleteReadError"}


@dataclass(frozen=True)
class RetryPolicy:
    """How often a remote operation is tried, and the seconds in between: `first_wait`, then doubled."""

    attempts: int = 4
    first_wait: float = 0.25
    longest_wait: float = 8.0
    sleep: Callable[[float], None] = time.sleep

    def run(self, action: Callable[[], T]) -> T:
        """The result of `action`, which must be safe to repeat. Raises what its last attempt raised."""
        wait = self.first_wait
        for _ in range(self.attempts - 1):
            try:
                return action()
            except Exception as error:
                if not is_transient(error):
                    raise
            self.sleep(min(wait, self.longest_wait))
            wait *= 2
        return action()


def is_transient(error: BaseException) -> bool:
    """Whether the same operation may succeed a moment later."""
    if isinstance(error, _FINAL_ERRORS):
        return False
    if isinstance(error, OSError):
        return error.errno not in _FINAL_NUMBERS
    return any(base.__name__ in _LOST_CONNECTION for base in type(error).__mro__)
