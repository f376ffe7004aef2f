"""What every place for bytes can do, wherever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path


@dataclass(frozen=True, order=True)
class Entry:
    """A stored file: its name relative to the store it was asked from, and its size in bytes."""

    name: str
    size: int


class Store(ABC):
    """A folder of files at a URL. Names are relative, with forward slashes; "" is the folder itself.

    Every method raises StorageError, or its subclasses NotFound and PermissionRefused.
    """

    url: str

    @abstractmethod
    def read_bytes(self, name: str) -> bytes:
        """The whole content of a file."""

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
