"""Promise: of all that come to a folder one holds it, as long as it lives, and no longer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trainspec.storage import open_store
from trainspec.storage.lock import LOCK, HeldError, Holder, Lock, _bytes, _read, acquire

if TYPE_CHECKING:
    from trainspec.storage import Store

HOLDS = """
import sys, time
from trainspec.storage import open_store
from trainspec.storage.lock import acquire
lock = acquire(open_store(sys.argv[1]), beat=0.1)
print("held", flush=True)
sys.stdin.read()
lock.release()
"""


@pytest.fixture
def folder(store: Store) -> Store:
    return store


def holder(**changes: Any) -> Holder:
    return Holder(**{**vars(Holder.of_this_process()), **changes})


def elsewhere(store: Store) -> Holder:
    """One on another system holds it."""
    other = holder(host="pod-7", system="another boot")
    store.make_folder()
    store.write_bytes(LOCK, _bytes(other))
    return other


def held_by_a_process(path: Path) -> subprocess.Popen[str]:
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", HOLDS, path], **streams)  # type: ignore[call-overload]
    assert process.stdout.readline() == "held\n"
    return process  # type: ignore[no-any-return]


def test_the_second_hears_of_the_first_until_it_is_released(folder: Store) -> None:
    lock = acquire(folder)
    with pytest.raises(HeldError, match=f"process {os.getpid()} on "):
        acquire(folder)
    lock.release()
    assert not folder.exists(LOCK)
    acquire(folder).release()


def test_a_process_that_lives_holds_it_and_a_killed_one_does_not(tmp_path: Path) -> None:
    dead: list[Holder] = []
    process = held_by_a_process(tmp_path)
    try:
        with pytest.raises(HeldError, match=f"process {process.pid} on "):
            acquire(open_store(tmp_path))
    finally:
        process.send_signal(signal.SIGKILL)
    # Nobody has asked for its exit code yet.
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    lock = acquire(open_store(tmp_path), on_dead=dead.append)
    process.communicate()
    assert [one.process for one in dead] == [process.pid]
    lock.release()


def test_the_number_of_a_dead_process_may_be_anothers(folder: Store) -> None:
    folder.make_folder()
    folder.write_bytes(LOCK, _bytes(holder(started="1", process=os.getppid())))
    acquire(folder).release()


def test_one_elsewhere_that_is_silent_is_dead(folder: Store) -> None:
    other, waited, dead = elsewhere(folder), [], []
    lock = acquire(folder, on_wait=lambda one, seconds: waited.append((one, seconds)), on_dead=dead.append, silence=0.2)
    assert waited == [(other, 0.2)] and dead == [other]
    lock.release()


def test_one_elsewhere_that_gives_a_sign_of_life_holds_it(folder: Store) -> None:
    other = elsewhere(folder)
    beats = threading.Timer(0.3, lambda: folder.write_bytes(LOCK, _bytes(other, beat=5)))
    beats.start()
    with pytest.raises(HeldError, match="on pod-7"):
        acquire(folder, silence=60)
    beats.join()


def test_one_elsewhere_that_releases_it_meanwhile(folder: Store) -> None:
    elsewhere(folder)
    leaves = threading.Timer(0.3, lambda: folder.delete(LOCK))
    leaves.start()
    acquire(folder, silence=60).release()
    leaves.join()


def beats_until(store: Store, lock: Lock, beat: int) -> Holder:
    while True:
        found = _read(store)
        if found is not None and found.beat >= beat:
            return found
        time.sleep(0.02)


@pytest.mark.timeout(60)
def test_a_holder_gives_signs_of_life(folder: Store) -> None:
    lock = acquire(folder, beat=0.05)
    assert beats_until(folder, lock, 2).beat >= 2
    lock.release()
    assert not folder.exists(LOCK)


@pytest.mark.timeout(60)
def test_who_was_taken_for_dead_knows_it_and_leaves_the_file_of_the_other(folder: Store) -> None:
    lock = acquire(folder, beat=0.05)
    beats_until(folder, lock, 1)
    lock._over.set()
    lock._thread.join()
    other = elsewhere(folder)
    again = Lock(folder, lock._holder, 0.05)
    while not again.lost:
        time.sleep(0.02)
    again.release()
    assert _read(folder) == other


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"host": 1}', b"[" * 5000, b"x" * 100_000])
def test_a_file_that_says_nothing_is_nobodys(folder: Store, content: bytes) -> None:
    folder.make_folder()
    folder.write_bytes(LOCK, content)
    acquire(folder).release()


def test_of_many_that_come_at_once_to_a_dead_one_only_one_gets_it(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.write_bytes(LOCK, _bytes(holder(process=os.getppid(), started="1")))
    got: list[Lock] = []
    refused: list[Exception] = []

    def come() -> None:
        try:
            got.append(acquire(open_store(tmp_path)))
        except HeldError as error:
            refused.append(error)

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 7)
    got[0].release()


def test_a_child_releases_nothing(folder: Store) -> None:
    lock = acquire(folder)
    child = os.fork()
    if not child:
        lock.release()
        os._exit(0)
    os.waitpid(child, 0)
    assert folder.exists(LOCK)
    lock.release()
