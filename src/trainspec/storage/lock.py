"""One writer to a folder at a time: whoever comes second hears who was first, and one that died is no obstacle.

The holder says in a small file who it is, and says it anew every few seconds. Whether it lives is asked of the system
where that is the same one, and else told by whether the file changes: clocks of machines need not agree.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainspec.storage.errors import AlreadyThere, NotAFile, NotFound, StorageError
from trainspec.storage.local import LocalStore

if TYPE_CHECKING:
    from trainspec.storage.store import Store

LOCK = ".trainspec-lock"
# Seconds between two words of a holder, and how long one may be silent.
BEAT, SILENCE = 15.0, 60.0
_LARGEST, _POLL = 4096, 0.5


@dataclass(frozen=True)
class Holder:
    """Who writes to a folder: a process of a system, since when, and how often it has said so."""

    host: str
    system: str
    process: int
    started: str
    since: str
    token: str
    beat: int = 0

    @classmethod
    def of_this_process(cls) -> Holder:
        process = os.getpid()
        since = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(platform.node(), _system(), process, _start_of(process) or "", since, uuid.uuid4().hex)

    @property
    def named(self) -> str:
        """For people."""
        return f"process {self.process} on {self.host}, since {self.since}"

    @property
    def is_here(self) -> bool:
        """Whether this system can tell if it lives."""
        return bool(self.system) and self.system == _system()

    @property
    def lives(self) -> bool:
        """Whether it does, where it is here: another process may have its number by now."""
        started = _start_of(self.process)
        return started is not None and started in ("", self.started)


class HeldError(Exception):
    """Another process writes to the folder."""

    def __init__(self, holder: Holder) -> None:
        self.holder = holder
        super().__init__(f"{holder.named} writes to it")


class Lock:
    """What this process holds of a folder until `release`; `lost` where another has taken it for dead meanwhile."""

    def __init__(self, store: Store, holder: Holder, beat: float) -> None:
        self._store, self._holder, self._beat = store, holder, beat
        self._over = threading.Event()
        # A child of this process, which a fork makes, has no such thread, and releases nothing.
        self._process = os.getpid()
        self.lost = False
        self._thread = threading.Thread(target=self._live, name="trainspec-lock", daemon=True)
        self._thread.start()

    def _live(self) -> None:
        beat = 0
        while not self._over.wait(self._beat):
            # A store that does not answer now will do so later.
            with suppress(StorageError):
                found = _read(self._store)
                if found is not None and found.token != self._holder.token:
                    self.lost = True
                    return
                beat += 1
                self._store.write_bytes(LOCK, _bytes(self._holder, beat))

    def release(self) -> None:
        """Leave the folder to others. A store that does not answer keeps the file: nobody beats it any more."""
        if os.getpid() != self._process:
            return
        self._over.set()
        self._thread.join(timeout=5)
        if not self._thread.is_alive():
            with suppress(StorageError):
                found = _read(self._store)
                if found is not None and found.token == self._holder.token:
                    self._store.delete(LOCK)


def acquire(
    store: Store,
    *,
    on_dead: Callable[[Holder], object] = lambda _: None,
    on_wait: Callable[[Holder, float], object] = lambda *_: None,
    beat: float = BEAT,
    silence: float = SILENCE,
) -> Lock:
    """Be the one that writes to a folder. `on_dead` hears of one that died holding it.

    One on another system may be dead: `on_wait` hears of it and how many seconds are waited for a sign of life. Raises
    HeldError for one that lives, StorageError.
    """
    with _one_at_a_time(store):
        while True:
            mine = Holder.of_this_process()
            if _created(store, mine):
                return Lock(store, mine, beat)
            found = _read(store)
            if found is None:
                # It was released just now, or says nothing.
                store.delete(LOCK)
                continue
            if found.is_here and found.lives:
                raise HeldError(found)
            if not found.is_here:
                on_wait(found, silence)
                _watch(store, found, silence)
            on_dead(found)
            store.delete(LOCK)


def _watch(store: Store, found: Holder, silence: float) -> None:
    """Until it has been silent for so long. Raises HeldError for a sign of life."""
    end = time.monotonic() + silence
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(_POLL, left))
        now = _read(store)
        if now is None:
            return
        if now != found:
            raise HeldError(now)


def _created(store: Store, holder: Holder) -> bool:
    store.make_folder()
    if store.creates_exclusively:
        try:
            store.create(LOCK, _bytes(holder))
        except AlreadyThere:
            # Where the answer of a remote store got lost, it is our own.
            found = _read(store)
            return found is not None and found.token == holder.token
        return True
    if store.exists(LOCK):
        return False
    # Of two that come at the same moment the last one is found.
    store.write_bytes(LOCK, _bytes(holder))
    found = _read(store)
    return found is not None and found.token == holder.token


def _bytes(holder: Holder, beat: int = 0) -> bytes:
    return (json.dumps({**asdict(holder), "beat": beat}, indent=2) + "\n").encode()


def _read(store: Store) -> Holder | None:
    """Who holds it; None where nobody does, or somebody who does not say who it is."""
    try:
        said: Any = json.loads(store.read_range(LOCK, 0, _LARGEST))
        holder = Holder(**said)
    except (NotFound, NotAFile, ValueError, TypeError, RecursionError):
        return None
    texts = (holder.host, holder.system, holder.started, holder.since, holder.token)
    numbers = (holder.process, holder.beat)
    sound = all(type(text) is str and text.isprintable() for text in texts) and all(type(n) is int for n in numbers)
    return holder if sound and 0 < holder.process < 1 << 31 else None


def _system() -> str:
    """What tells apart the systems whose processes have numbers of their own: machines, their starts, containers."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    return platform.node()


def _start_of(process: int) -> str | None:
    """When a process began, as its system tells it; "" where it does not, None where there is no such process."""
    try:
        # The second field is the program's name, in which there may be anything.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        # One that has ended, and that nobody has asked for its exit code yet, does nothing any more.
        return None if fields[0] in ("Z", "X") else fields[19]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    except (OSError, IndexError):
        return ""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return ""


@contextmanager
def _one_at_a_time(store: Store) -> Iterator[None]:
    """On one machine two that find the same dead holder must not both take its place."""
    if not isinstance(store, LocalStore):
        yield
        return
    store.make_folder()
    folder = os.open(store.folder, os.O_RDONLY)
    try:
        # Not everywhere: then it is as between machines.
        with suppress(OSError, ImportError):
            import fcntl

            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
