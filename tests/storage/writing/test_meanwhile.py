"""Promise: what runs beside something else ends with it, and a hash is of the bytes that were written."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest

from trainspec.storage import Store, meanwhile

if TYPE_CHECKING:
    from collections.abc import Iterator

MEBIBYTE = 1 << 20


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name == "trainspec meanwhile"] == []


def test_a_buffer_may_be_changed_once_it_is_written(store: Store) -> None:
    hashed = hashlib.sha256()

    def write(file: BinaryIO) -> None:
        buffer = bytearray(9 * MEBIBYTE)
        for value in (1, 2, 3):
            buffer[:] = bytes([value]) * len(buffer)
            file.write(buffer)
            file.write(b"a few between")
        buffer[:] = bytes(len(buffer))

    record = store.write("a.bin", write)
    for value in (1, 2, 3):
        hashed.update(bytes([value]) * (9 * MEBIBYTE) + b"a few between")
    assert record.sha256 == hashed.hexdigest() == hashlib.sha256(store.read_bytes("a.bin")).hexdigest()


class Defect(Exception):
    pass


def test_the_thread_is_told_once_the_block_fails() -> None:
    told = threading.Event()

    def action(over: Any) -> None:
        while not over():
            told.wait(0.001)
        told.set()

    with pytest.raises(KeyboardInterrupt), meanwhile(action):
        raise KeyboardInterrupt
    assert told.is_set()


def test_the_error_of_the_thread_is_raised_and_the_one_of_the_block_goes_first() -> None:
    def action(over: Any) -> None:
        raise Defect

    with pytest.raises(Defect), meanwhile(action):
        pass
    with pytest.raises(KeyError), meanwhile(action):
        raise KeyError
