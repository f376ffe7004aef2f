"""Bytes at URLs: a local folder, s3://, gs://, memory:// and every other fsspec URL look the same from here.

fsspec is imported only for a URL that needs it.
"""

from trainspec.storage.errors import (
    AlreadyThere,
    MissingPackage,
    NotAFile,
    NotFound,
    PermissionRefused,
    StorageError,
    TooLarge,
)
from trainspec.storage.meanwhile import meanwhile
from trainspec.storage.opening import open_store, read_text
from trainspec.storage.retry import Outage, RetryPolicy, hurrying, is_transient
from trainspec.storage.store import Entry, FileRecord, Store, Writer

__all__ = [
    "AlreadyThere",
    "Entry",
    "FileRecord",
    "MissingPackage",
    "NotAFile",
    "NotFound",
    "Outage",
    "PermissionRefused",
    "RetryPolicy",
    "StorageError",
    "Store",
    "TooLarge",
    "Writer",
    "hurrying",
    "is_transient",
    "meanwhile",
    "open_store",
    "read_text",
]
