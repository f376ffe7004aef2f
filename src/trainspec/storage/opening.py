"""From a URL or path to its store, or straight to its text."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trainspec.storage.errors import StorageError, TooLarge, failure
from trainspec.storage.local import LocalStore
from trainspec.storage.location import local_path, scheme_of
from trainspec.storage.regular import read_regular
from trainspec.storage.retry import RetryPolicy
from trainspec.text.decoding import decoded, undecodable

if TYPE_CHECKING:
    from trainspec.storage.store import Store


def open_store(url: str | os.PathLike[str], *, retry: RetryPolicy | None = None) -> Store:
    """The folder at a path or URL, which need not exist yet; nothing is read or made.

    `retry` is for remote stores. Raises MissingPackage or StorageError.
    """
    text = os.fspath(url)
    if not scheme_of(text):
        return LocalStore(local_path(text))
    from trainspec.storage.remote import open_remote

    return open_remote(text, retry or RetryPolicy())


def read_text(url: str | os.PathLike[str], limit_bytes: int, encoding: str | None = None) -> str:
    """The text of a file of at most `limit_bytes` bytes: in `encoding`, else UTF-8, or UTF-16 or UTF-32 by first bytes.

    Raises StorageError; a file that is larger is refused after `limit_bytes` + 1 bytes, so a device or an
    endless answer cannot fill the memory.
    """
    text = os.fspath(url)
    data = _first_bytes(text, limit_bytes + 1)
    if len(data) > limit_bytes:
        raise TooLarge(text, "read", f"it is larger than the limit of {limit_bytes:,} bytes")
    try:
        return data.decode(encoding) if encoding else decoded(data)
    except UnicodeDecodeError as cause:
        reason = f"it is not {encoding} text (at byte {cause.start})" if encoding else undecodable(data, cause)
        raise StorageError(text, "read", reason, cause) from None
    except LookupError as cause:
        raise StorageError(text, "read", f"{encoding} is no encoding that Python knows", cause) from None


def _first_bytes(url: str, count: int) -> bytes:
    if scheme_of(url):
        from trainspec.storage.remote import open_remote

        return open_remote(url, RetryPolicy()).read_start("", count)
    path = local_path(url)
    try:
        return read_regular(path, count)
    except (OSError, ValueError) as cause:
        raise failure(url, "read", cause) from None
