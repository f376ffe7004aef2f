"""A folder behind any fsspec URL: s3://, gs://, memory://, sftp://, ..."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trainspec.storage.errors import StorageError, failure, missing_package
from trainspec.storage.local import publish_copy
from trainspec.storage.location import checked_name, scheme_of
from trainspec.storage.store import Entry, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainspec.storage.retry import RetryPolicy

T = TypeVar("T")

# Here a file appears when its upload completes, and making a folder could create a bucket by mistake.
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "r2"})


class RemoteStore(Store):
    """Files under one path of an fsspec file system; each operation is one request that may be repeated."""

    def __init__(self, url: str, filesystem: Any, path: str, retry: RetryPolicy) -> None:
        self.url = url
        self._filesystem = filesystem
        self._path = path.rstrip("/")
        self._retry = retry

    def read_bytes(self, name: str) -> bytes:
        return self._do("read", name, lambda path: bytes(self._filesystem.cat_file(path)))

    def read_start(self, name: str, count: int) -> bytes:
        """At most `count` bytes from the start of a file."""

        def read(path: str) -> bytes:
            with self._filesystem.open(path, "rb") as file:
                return bytes(file.read(count))

        return self._do("read", name, read)

    def write_bytes(self, name: str, data: bytes) -> None:
        self._make_parent(name)
        self._do("write", name, lambda path: self._filesystem.pipe_file(path, data))

    def upload(self, local_file: Path, name: str) -> None:
        self._make_parent(name)
        self._do("write", name, lambda path: self._filesystem.put_file(str(local_file), path))

    def download(self, name: str, local_file: Path) -> None:
        with self.local_copy(name) as copy:
            try:
                publish_copy(local_file, copy)
            except OSError as cause:
                raise failure(str(local_file), "write", cause) from None

    @contextmanager
    def local_copy(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="trainspec-") as folder:
            copy = Path(folder, Path(name).name)
            self._do("read", name, lambda path: self._filesystem.get_file(path, str(copy)))
            yield copy

    def entries(self, prefix: str = "") -> list[Entry]:
        found = self._listing(prefix, lambda path: self._filesystem.find(path, detail=True))
        start = len(self._path) + 1
        return sorted(
            Entry(key[start:], int(info["size"] or 0)) for key, info in found.items() if not key.endswith("/")
        )

    def folders(self, prefix: str = "") -> list[str]:
        def look(path: str) -> dict[str, Any]:
            try:
                return {info["name"]: info for info in self._filesystem.ls(path, detail=True)}
            except FileNotFoundError:
                return {}

        found = self._listing(prefix, look)
        names = (key.rstrip("/") for key, info in found.items() if info["type"] == "directory")
        return sorted(name.rsplit("/", 1)[-1] for name in names)

    def exists(self, name: str = "") -> bool:
        def look(path: str) -> bool:
            self._filesystem.invalidate_cache()
            # fsspec's own exists() takes a refused or lost request for "no".
            with suppress(FileNotFoundError):
                self._filesystem.info(path)
                return True
            return False

        return self._do("look at", name, look)

    def delete(self, name: str) -> None:
        self._remove(name, recursive=False)

    def delete_tree(self, prefix: str = "") -> None:
        self._remove(prefix, recursive=True)

    def make_folder(self, name: str = "") -> None:
        if scheme_of(self.url) not in _OBJECT_STORES:
            self._do("make the folder", name, lambda path: self._filesystem.makedirs(path, exist_ok=True))

    def child(self, name: str) -> RemoteStore:
        inside = checked_name(self.url, name)
        return RemoteStore(self.child_url(inside), self._filesystem, self._at(inside), self._retry)

    def _at(self, name: str) -> str:
        inside = checked_name(self.url, name)
        return f"{self._path}/{inside}" if inside else self._path

    def _make_parent(self, name: str) -> None:
        self.make_folder(checked_name(self.url, name).rpartition("/")[0])

    def _remove(self, name: str, recursive: bool) -> None:
        def remove(path: str) -> None:
            self._filesystem.invalidate_cache()
            with suppress(FileNotFoundError):
                self._filesystem.rm(path, recursive=recursive)

        self._do("delete", name, remove)

    def _listing(self, prefix: str, look: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        def fresh(path: str) -> dict[str, Any]:
            self._filesystem.invalidate_cache()
            return look(path)

        return self._do("list", prefix, fresh)

    def _do(self, operation: str, name: str, action: Callable[[str], T]) -> T:
        path = self._at(name)
        try:
            return self._retry.run(lambda: action(path))
        except StorageError:
            raise
        # Each client library has errors of its own.
        except Exception as cause:
            raise failure(self.child_url(name), operation, cause) from None


def open_remote(url: str, retry: RetryPolicy) -> RemoteStore:
    """The store at an fsspec URL. Raises MissingPackage, or StorageError for a URL nobody understands."""
    scheme = scheme_of(url)
    try:
        filesystem, path = import_module("fsspec.core").url_to_fs(url)
    except ImportError as cause:
        raise missing_package(url, scheme, cause) from None
    except ValueError as cause:
        raise StorageError(url, "open", f"the URL is not understood ({cause})", cause) from None
    except Exception as cause:
        raise failure(url, "open", cause) from None
    return RemoteStore(url, filesystem, path, retry)
