"""A folder behind any fsspec URL: s3://, gs://, memory://, sftp://, ..."""

from __future__ import annotations

import inspect
import os
import re
import tempfile
import threading
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from trainspec.storage.clients import S3, hold_to, patience
from trainspec.storage.errors import StorageError, already_there, failure, missing_package
from trainspec.storage.local import publish_copy
from trainspec.storage.location import checked_file, checked_name, scheme_of
from trainspec.storage.pieces.parts import Parts
from trainspec.storage.store import Entry, Kind, Store
from trainspec.storage.unfinished import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainspec.storage.retry import RetryPolicy
    from trainspec.storage.store import Writer

T = TypeVar("T")

# Here a file appears when its upload completes, and making a folder could create a bucket by mistake.
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "r2"})
# The files of memory:// are this process's own, so that its threads can agree on who is first.
_MEMORY = "memory"
# One more request to ask for the size is nothing beside reading so much.
_LARGE = 64 << 20
# What is sent as quickly as a question.
_SMALL = 1 << 20
_KINDS: dict[str, Kind] = {"file": "file", "directory": "folder", "link": "link"}
_MAGIC = re.compile(r"[*?\[]")
_ONE_AT_A_TIME = threading.Lock()


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

    def _read_range(self, name: str, start: int, length: int) -> bytes:
        def read(path: str) -> bytes:
            # Some allocate what is asked for, whatever is there.
            count = length if 0 < length <= _LARGE else min(length, self._size(path) - start)
            if count <= 0:
                return b""
            try:
                return bytes(self._filesystem.cat_file(path, start=start, end=start + count))
            except (OSError, OverflowError):
                # HTTP knows no empty range, so that one behind the end is an error.
                if start < self._size(path):
                    raise
                return b""

        return self._do("read", name, read)

    def _size(self, path: str) -> int:
        info = self._filesystem.info(path)
        if info.get("type") == "directory":
            raise IsADirectoryError(path)
        return int(info["size"])

    @property
    def creates_exclusively(self) -> bool:
        scheme = scheme_of(self.url)
        put = getattr(self._filesystem, "_pipe_file", None)
        return scheme == _MEMORY or (scheme in S3 and put is not None and "mode" in inspect.signature(put).parameters)

    def create(self, name: str, data: bytes) -> None:
        url = self.child_url(checked_file(self.url, name))
        if not self.creates_exclusively:
            raise StorageError(url, "create", "this kind of store cannot promise that nothing is overwritten")
        make = self._create_in_memory if scheme_of(self.url) == _MEMORY else self._put_if_absent
        if not self._ask("create", name, lambda path: make(path, data)):
            raise already_there(url)

    def _create_in_memory(self, path: str, data: bytes) -> bool:
        with _ONE_AT_A_TIME:
            absent = not self._filesystem.exists(path)
            if absent:
                self._filesystem.pipe_file(path, data)
            return absent

    def _put_if_absent(self, path: str, data: bytes) -> bool:
        try:
            self._filesystem.pipe_file(path, data, mode="create")
        except OSError as error:
            if isinstance(error, FileExistsError) or _is_unmet_condition(error):
                return False
            raise
        return True

    def _stream(self, name: str, fill: Writer) -> None:
        self._make_parent(name)
        put = self._put if scheme_of(self.url) in _OBJECT_STORES else self._put_and_rename
        self._do("write", name, lambda path: put(path, fill))

    def _put(self, path: str, fill: Writer) -> None:
        file = self._opened(path)
        try:
            fill(file)
            file.close()
        except BaseException:
            _abandon(file)
            raise

    def _opened(self, path: str) -> Any:
        if scheme_of(self.url) in S3 and hasattr(self._filesystem, "_call_s3"):
            return Parts(self._filesystem, path)
        return self._filesystem.open(path, "wb")

    def _put_and_rename(self, path: str, fill: Writer) -> None:
        """For file systems where a file is there, and grows, from its first byte on."""
        folder, _, last = path.rpartition("/")
        unfinished = f"{folder}/.{last}.{os.urandom(4).hex()}{UNFINISHED}"
        try:
            self._put(unfinished, fill)
            self._rename(unfinished, path)
        except BaseException:
            with suppress(Exception):
                self._filesystem.rm_file(unfinished)
            raise

    def _rename(self, source: str, target: str) -> None:
        filesystem = self._filesystem
        if not _moves_literally(filesystem):
            filesystem.cp_file(source, target)
            filesystem.rm_file(source)
            return
        try:
            filesystem.mv(source, target)
        except OSError:
            # Some servers do not rename over a file.
            if not filesystem.exists(target):
                raise
            filesystem.rm_file(target)
            filesystem.mv(source, target)

    def write_bytes(self, name: str, data: bytes) -> None:
        self._make_parent(name)
        do = self._ask if len(data) <= _SMALL else self._do
        do("write", name, lambda path: self._filesystem.pipe_file(path, data))

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
            Entry(key[start:], int(info["size"] or 0))
            for key, info in found.items()
            if not key.endswith(("/", UNFINISHED))
        )

    def folders(self, prefix: str = "") -> list[str]:
        return sorted(name for name, kind in self._directly_in(prefix).items() if kind == "folder")

    def names(self) -> list[str]:
        return sorted(name for name in self._directly_in("") if name and not name.endswith(UNFINISHED))

    def unfinished_names(self) -> list[str]:
        return sorted(name for name in self._directly_in("") if name.endswith(UNFINISHED))

    def _directly_in(self, prefix: str) -> dict[str, Kind]:
        def look(path: str) -> dict[str, Any]:
            try:
                return {info["name"]: info for info in self._filesystem.ls(path, detail=True)}
            except FileNotFoundError:
                return {}

        found = self._listing(prefix, look).items()
        return {key.rstrip("/").rsplit("/", 1)[-1]: _KINDS.get(info["type"], "other") for key, info in found}

    def exists(self, name: str = "") -> bool:
        return self.kind(name) is not None

    def kind(self, name: str) -> Kind | None:
        def look(path: str) -> Kind | None:
            self._filesystem.invalidate_cache()
            # fsspec's own exists() takes a refused or lost request for "no".
            with suppress(FileNotFoundError):
                return _KINDS.get(self._filesystem.info(path)["type"], "other")
            return None

        return self._ask("look at", name, look)

    def delete(self, name: str) -> None:
        self._ask("delete", name, self._remove_file)

    def delete_tree(self, prefix: str = "") -> None:
        # fsspec takes these for a pattern, and would remove all that matches. Without them its own way is best: many
        # stores remove a thousand files by one request.
        magic = _MAGIC.search(self.child_url(prefix) + self._at(prefix))
        self._do("delete", prefix, self._remove_one_by_one if magic else self._remove_at_once)

    def make_folder(self, name: str = "") -> None:
        if scheme_of(self.url) not in _OBJECT_STORES:
            self._ask("make the folder", name, lambda path: self._filesystem.makedirs(path, exist_ok=True))

    def child(self, name: str) -> RemoteStore:
        inside = checked_name(self.url, name)
        return RemoteStore(self.child_url(inside), self._filesystem, self._at(inside), self._retry)

    def _at(self, name: str) -> str:
        inside = checked_name(self.url, name)
        return f"{self._path}/{inside}" if inside else self._path

    def _make_parent(self, name: str) -> None:
        self.make_folder(checked_file(self.url, name).rpartition("/")[0])

    def _remove_at_once(self, path: str) -> None:
        self._filesystem.invalidate_cache()
        with suppress(FileNotFoundError):
            self._filesystem.rm(path, recursive=True)

    def _remove_one_by_one(self, path: str) -> None:
        self._filesystem.invalidate_cache()
        with_folders = scheme_of(self.url) not in _OBJECT_STORES
        found = self._filesystem.find(path, withdirs=with_folders, detail=True)
        # What is inside of a folder is behind it in this order.
        for key in sorted(found, reverse=True):
            if found[key].get("type") == "directory":
                with suppress(FileNotFoundError):
                    self._filesystem.rmdir(key)
            else:
                self._remove_file(key)

    def _remove_file(self, path: str) -> None:
        self._filesystem.invalidate_cache()
        try:
            self._filesystem.rm_file(path)
        except FileNotFoundError:
            return

    def _listing(self, prefix: str, look: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        def fresh(path: str) -> dict[str, Any]:
            self._filesystem.invalidate_cache()
            return look(path)

        return self._ask("list", prefix, fresh)

    def _ask(self, operation: str, name: str, action: Callable[[str], T]) -> T:
        """What `_do` does, for what is no more than an answer: it comes in time, whatever the client does."""
        return self._do(operation, name, action, watched=scheme_of(self.url) != _MEMORY)

    def _do(self, operation: str, name: str, action: Callable[[str], T], *, watched: bool = False) -> T:
        path = self._at(name)
        try:
            return self._retry.run(
                lambda: action(path),
                lambda cause: str(self._failure(name, operation, cause)),
                watched=watched,
            )
        except StorageError:
            raise
        # Each client library has errors of its own.
        except Exception as cause:
            raise self._failure(name, operation, cause) from None

    def _failure(self, name: str, operation: str, cause: Exception) -> StorageError:
        return failure(self.child_url(name), operation, cause)


def _moves_literally(filesystem: Any) -> bool:
    """Whether `mv` has no patterns: the one that file systems inherit has, and some pass it on to another's."""
    inner = getattr(filesystem, "fs", None)
    inherited = import_module("fsspec.spec").AbstractFileSystem.mv
    return getattr(type(filesystem), "mv", None) is not inherited and (inner is None or _moves_literally(inner))


def _abandon(file: BinaryIO) -> None:
    """Let go of a file that is not to appear: at an object store it is closing that makes it appear."""
    with suppress(Exception):
        file.discard()  # type: ignore[attr-defined]
    try:
        file.closed = True  # type: ignore[misc]
    except AttributeError:
        with suppress(Exception):
            file.close()


def _is_unmet_condition(error: OSError) -> bool:
    """Whether it is S3's answer that an object is there already, under the names its servers have for it."""
    answer = getattr(error.__cause__, "response", None) or {}
    return answer.get("Error", {}).get("Code") in ("PreconditionFailed", "412")


def open_remote(url: str, retry: RetryPolicy) -> RemoteStore:
    """The store at an fsspec URL. Raises MissingPackage, or StorageError for a URL nobody understands."""
    scheme = scheme_of(url)
    try:
        filesystem, path = import_module("fsspec.core").url_to_fs(url, **patience(scheme, retry))
        hold_to(filesystem, retry)
    except ImportError as cause:
        raise missing_package(url, scheme, cause) from None
    except ValueError as cause:
        raise StorageError(url, "open", f"the URL is not understood ({cause})", cause) from None
    except Exception as cause:
        raise failure(url, "open", cause) from None
    return RemoteStore(url, filesystem, path, retry)
