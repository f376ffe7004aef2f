"""From a URL or path to its store, or straight to its text."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trainspec.storage.errors import StorageError, TooLarge, failure
from trainspec.storage.local import LocalStore
from trainspec.storage.location import local_path, scheme_of
from trainspec.storage.retry import RetryPolicy

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
    """The text of a file of at most `limit_bytes` bytes: UTF-8, of which a byte-order mark is dropped, or `encoding`.

    Raises StorageError; a file that is larger is refused after `limit_bytes` + 1 bytes, so a device or an
    endless answer cannot fill the memory.
    """
    text = os.fspath(url)
    data = _first_bytes(text, limit_bytes + 1)
    if len(data) > limit_bytes:
        raise TooLarge(text, "read", f"it is larger than the limit of {limit_bytes:,} bytes")
    try:
        return data.decode(encoding or "utf-8-sig")
    except UnicodeDecodeError as cause:
        raise StorageError(
            text, "read", f"it is not {encoding or 'UTF-8'} text (at byte {cause.start})", cause
        ) from None
    except LookupError as cause:
        raise StorageError(text, "read", f"{encoding} is no encoding that Python knows", cause) from None


def _first_bytes(url: str, count: int) -> bytes:
    if scheme_of(url):
        from trainspec.storage.remote import open_remote

        return open_remote(url, RetryPolicy()).read_start("", count)
    path = local_path(url)
    try:
        with path.open("rb") as file:
            return file.read(count)
    except (OSError, ValueError) as cause:
        raise failure(url, "read", cause) from None
