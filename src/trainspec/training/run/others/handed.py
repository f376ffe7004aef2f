"""A folder that people's own code writes into, and from which a checkpoint takes what is there in the end.

Where the output folder is on this machine it is the checkpoint's own folder, so that what it holds can be read too;
elsewhere it is a temporary one, whose files are then sent after the others.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainspec.storage.local import LocalStore
from trainspec.training.checkpoint.load import folder_name
from trainspec.training.checkpoint.manifest import MANIFEST, fingerprint
from trainspec.training.checkpoint.payload import LocalFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trainspec.storage import FileRecord, Store


@dataclass(frozen=True)
class OwnFiles:
    """What of a checkpoint somebody else writes into the folder that they are given; None: it is written as ever."""

    model: Callable[[str], Any] | None = None
    steppers: Callable[[str], Any] | None = None
    rng: Callable[[str], Any] | None = None
    scaler: Callable[[str], Any] | None = None

    def writers(self) -> list[Callable[[str], Any]]:
        """In the order in which they write."""
        found = (self.model, self.steppers, self.scaler, self.rng)
        return [writer for writer in found if writer is not None]


NOTHING_OWN = OwnFiles()


class HandedFolder:
    def __init__(self, store: Store, step: int) -> None:
        self._target = store.child(folder_name(step))
        # Whether what is written here is at the checkpoint's place already.
        self.is_there = isinstance(self._target, LocalStore)
        self._temporary = None if self.is_there else tempfile.TemporaryDirectory(prefix="trainspec-")
        self.parent = store.url if self._temporary is None else self._temporary.name
        self._path = Path(self.parent) / folder_name(step)
        self._path.mkdir(parents=True, exist_ok=True)
        self._known: dict[str, tuple[FileRecord, Any]] = {}

    @property
    def path(self) -> str:
        return str(self._path)

    def know(self, records: Iterable[FileRecord]) -> None:
        """These have just been written, and measured."""
        self._known |= {record.name: (record, self._stamp(record.name)) for record in records}

    def names(self) -> set[str]:
        """What is there now, whoever wrote it."""
        known = set() if self.is_there else set(self._known)
        return (known | set(self.names_here())) - {MANIFEST}

    def take(self) -> list[FileRecord]:
        """All that the checkpoint consists of now: what somebody wrote later, wrote anew or took away is seen.

        Where it is elsewhere, all that was written there, and sent.
        """
        if not self.is_there:
            return [record for record, _ in self._known.values()]
        return [self._record(name) for name in self.names()]

    def send(self, names: Iterable[str]) -> list[FileRecord]:
        """These files to the checkpoint's place, where that is elsewhere."""
        return [self._target.write(name, LocalFile(self._path / name).write) for name in names]

    def close(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()

    def _record(self, name: str) -> FileRecord:
        record, stamp = self._known.get(name, (None, None))
        if record is not None and stamp == self._stamp(name):
            return record
        return fingerprint(name, self._path / name)

    def names_here(self) -> list[str]:
        """What is in the folder of this machine."""
        files = (path for path in self._path.rglob("*") if path.is_file())
        return sorted(path.relative_to(self._path).as_posix() for path in files)

    def _stamp(self, name: str) -> Any:
        if not self.is_there:
            return None
        found = (self._path / name).stat()
        return found.st_size, found.st_mtime_ns
