"""Payloads as the bytes that they put into a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from trainspec.storage import open_store

if TYPE_CHECKING:
    from trainspec.training.checkpoint.payload import Payload


def written(payload: Payload) -> bytes:
    """What a store makes of it, as measured."""
    store = open_store("memory://written")
    record = store.write("file", payload.write)
    data = store.read_bytes("file")
    assert (record.size, record.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    return data


def all_written(files: Mapping[str, Payload]) -> dict[str, bytes]:
    return {name: written(payload) for name, payload in files.items()}
