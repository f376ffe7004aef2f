"""What every place for bytes can do, wherever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal

from trainspec.storage.errors import StorageError
from trainspec.storage.pieces.measured import MeasuredFile, WriterFailed

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

Writer = Callable[[BinaryIO], object]
# "other" is a pipe, a socket, a device.
Kind = Literal["file", "folder", "link", "other"]


@dataclass(frozen=True, order=True)
class Entry:
    """A stored file: its name relative to the store it was asked from, and its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, order=True)
class FileRecord:
    """A file as it was written: its name relative to its folder, size in bytes, SHA-256 in lower-case hex."""

    name: str
    size: int
    sha256: str


class Store(ABC):
    """A folder of files at a URL. Names are relative, with forward slashes; "" is the folder itself, never a file.

    Every method raises StorageError, or its subclasses NotFound, PermissionRefused and AlreadyThere.
    """

    url: str

    def write(self, name: str, writer: Writer) -> FileRecord:
        """Replace a file by what `writer` writes, as atomically as `write_bytes`, without holding it in memory.

        The file it gets can be written to, one piece after the other, and nothing else. A store that lost its
        connection calls `writer` again with a new file, so it must write the same each time. What the writer itself
        raises comes through as it is, and nothing is stored then.
        """
        measured: list[MeasuredFile] = []

        def fill(file: BinaryIO) -> None:
            measured.append(MeasuredFile(file))
            measured[-1].fill(writer)

        try:
            self._stream(name, fill)
            failure = None
        except WriterFailed as failed:
            failure = failed.error
        if failure is not None:
            raise failure
        return FileRecord(name, measured[-1].size, measured[-1].sha256)

    @abstractmethod
    def _stream(self, name: str, fill: Writer) -> None:
        """Replace a file by what `fill` writes into the file that it is called with."""

    @contextmanager
    def filling(self) -> Iterator[Store]:
        """Inside, this store, for many files that nobody looks for yet: all are safe at the end of the block."""
        yield self

    @property
    @abstractmethod
    def creates_exclusively(self) -> bool:
        """Whether `create` works here: of all that create a name at the same time, one succeeds."""

    @abstractmethod
    def create(self, name: str, data: bytes) -> None:
        """Write a file that must not be there yet; readers see all of it or nothing.

        Raises AlreadyThere, and StorageError in a store where that cannot be promised. Where an answer of a remote
        store got lost, the one that made the file is told AlreadyThere too: let `data` say whose it is.
        """

    @abstractmethod
    def read_bytes(self, name: str) -> bytes:
        """The whole content of a file."""

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """`length` bytes from byte `start` on; fewer, or none, where the file ends before.

        No more memory is taken than the file has bytes; negative numbers are refused.
        """
        if start < 0 or length < 0:
            reason = f"{length:,} bytes from byte {start:,} on are no part of a file"
            raise StorageError(self.child_url(name), "read", reason)
        return self._read_range(name, start, length)

    @abstractmethod
    def _read_range(self, name: str, start: int, length: int) -> bytes:
        """What `read_range` says, for numbers that are not negative."""

    @abstractmethod
    def write_bytes(self, name: str, data: bytes) -> None:
        """Replace a file: readers see the old content or the new, never a part. Missing folders are made."""

    @abstractmethod
    def upload(self, local_file: Path, name: str) -> None:
        """Copy a local file here, as atomically as `write_bytes`, without holding it in memory."""

    @abstractmethod
    def download(self, name: str, local_file: Path) -> None:
        """Copy a file to a local path, which is there completely or not at all."""

    @abstractmethod
    def local_copy(self, name: str) -> AbstractContextManager[Path]:
        """A local path to read the file at: the file itself where it is local, else a passing copy."""

    @abstractmethod
    def entries(self, prefix: str = "") -> list[Entry]:
        """Every file under a folder, at any depth, sorted by name; empty when there is no such folder."""

    @abstractmethod
    def folders(self, prefix: str = "") -> list[str]:
        """The names of the folders directly under a folder, sorted; empty when there is no such folder."""

    @abstractmethod
    def exists(self, name: str = "") -> bool:
        """Whether a file or folder has that name. An unreachable store is an error, not a False."""

    @abstractmethod
    def names(self) -> list[str]:
        """The names of all that is directly in this folder, links that lead to nothing too, sorted."""

    @abstractmethod
    def unfinished_names(self) -> list[str]:
        """Of what is directly in this folder, and no other method tells of: names that are for the moment, sorted."""

    @abstractmethod
    def kind(self, name: str) -> Kind | None:
        """What has that name; None where nothing has. A link is one, wherever it leads."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Remove one file; it is fine when it is gone already."""

    @abstractmethod
    def delete_tree(self, prefix: str = "") -> None:
        """Remove a folder and all in it; it is fine when it is gone already."""

    @abstractmethod
    def make_folder(self, name: str = "") -> None:
        """Make a folder and its parents; object stores have no folders, and nothing happens there."""

    @abstractmethod
    def child(self, name: str) -> Store:
        """The folder `name` in this one as a store of its own."""

    def child_url(self, name: str) -> str:
        """The URL (or path) of a file or folder in this one."""
        return f"{self.url.rstrip('/')}/{name}" if name else self.url
