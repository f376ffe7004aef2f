"""A folder on this machine."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from trainspec.storage.errors import already_there, failure
from trainspec.storage.location import checked_file, checked_name
from trainspec.storage.pieces.writeback import EarlyWriteback
from trainspec.storage.regular import open_regular
from trainspec.storage.store import Entry, Kind, Store, Writer
from trainspec.storage.unfinished import UNFINISHED, beside, remove_abandoned

if TYPE_CHECKING:
    from collections.abc import Iterator

_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
_WITHOUT_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class LocalStore(Store):
    """Files under a local folder, published by a rename in the same folder after an fsync.

    Folders whose name ends in UNFINISHED are seen by those alone who name them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = str(folder)
        # What was written and may not be on the disk; None where each file is waited for.
        self._unsynced: list[str] | None = None

    def read_bytes(self, name: str) -> bytes:
        with self._reported("read", name) as path, open_regular(path) as file:
            # As many bytes as were there when it was opened, whatever is added meanwhile.
            return file.read(os.fstat(file.fileno()).st_size)

    def _read_range(self, name: str, start: int, length: int) -> bytes:
        with self._reported("read", name) as path, open_regular(path) as file:
            # What is asked for would be allocated, whatever is there.
            left = os.fstat(file.fileno()).st_size - start
            if left <= 0:
                return b""
            file.seek(start)
            return file.read(min(length, left))

    @property
    def creates_exclusively(self) -> bool:
        return True

    def create(self, name: str, data: bytes) -> None:
        with self._reported("create", checked_file(self.url, name)) as path:
            if not publish_new(path, lambda file: file.write(data)):
                raise already_there(str(path))

    def _stream(self, name: str, fill: Writer) -> None:
        with self._reported("write", checked_file(self.url, name)) as path:
            waits = self._unsynced is None
            publish(path, lambda file: fill(EarlyWriteback(file)), syncs=waits)  # type: ignore[arg-type]
            if self._unsynced is not None:
                self._unsynced.append(name)

    @contextmanager
    def filling(self) -> Iterator[LocalStore]:
        """None is waited for alone: the disk notes all of them at once."""
        store = LocalStore(self.folder)
        names: list[str] = []
        store._unsynced = names
        yield store
        folders = set()
        for name in names:
            with self._reported("write", name) as path:
                _sync(path)
                folders.add(path.parent)
        for folder in sorted(folders):
            _sync_folder(folder)

    def write_bytes(self, name: str, data: bytes) -> None:
        with self._reported("write", checked_file(self.url, name)) as path:
            publish(path, lambda file: file.write(data))

    def upload(self, local_file: Path, name: str) -> None:
        with self._reported("write", checked_file(self.url, name)) as path:
            publish_copy(path, local_file)

    def download(self, name: str, local_file: Path) -> None:
        with self._reported("read", name) as path:
            publish_copy(local_file, path)

    @contextmanager
    def local_copy(self, name: str) -> Iterator[Path]:
        with self._reported("read", name) as path, open_regular(path):
            pass
        yield path

    def entries(self, prefix: str = "") -> list[Entry]:
        with self._reported("list", prefix) as path:
            return sorted(
                Entry(file.relative_to(self.folder).as_posix(), size)
                for file in _files_under(path)
                if not file.name.endswith(UNFINISHED) and (size := _size(file)) is not None
            )

    def folders(self, prefix: str = "") -> list[str]:
        with self._reported("list", prefix) as path, suppress(FileNotFoundError):
            return sorted(name for name in _folders_in(path) if not name.endswith(UNFINISHED))
        return []

    def publish_folder(self, unfinished: str, name: str, aside: str) -> bool:
        """Give a folder its name: readers see all of it, safe on the disk, or nothing.

        What has that name is called `aside` then, until it is deleted: whatever happens, one of both is whole. Whether
        there was something.
        """
        with self._reported("publish", name) as path:
            for folder, _, _ in os.walk(self.folder / unfinished):
                _sync_folder(Path(folder))
            before = self.folder / aside
            replaces = os.path.lexists(path)
            if replaces:
                self.delete_tree(aside)
                os.rename(path, before)
            try:
                os.rename(self.folder / unfinished, path)
            except OSError:
                if replaces:
                    os.rename(before, path)
                raise
            _sync_folder(self.folder)
        return replaces

    def exists(self, name: str = "") -> bool:
        with self._reported("look at", name) as path, suppress(FileNotFoundError, NotADirectoryError):
            return _is_there(path)
        return False

    def names(self) -> list[str]:
        with self._reported("list", "") as path, suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(path) if not name.endswith(UNFINISHED))
        return []

    def unfinished_names(self) -> list[str]:
        with self._reported("list", "") as path, suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(path) if name.endswith(UNFINISHED))
        return []

    def kind(self, name: str) -> Kind | None:
        with self._reported("look at", name) as path, suppress(FileNotFoundError, NotADirectoryError):
            mode = path.lstat().st_mode
            kinds: dict[int, Kind] = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
            return kinds.get(stat.S_IFMT(mode), "other")
        return None

    def delete(self, name: str) -> None:
        with self._reported("delete", name) as path:
            path.unlink(missing_ok=True)

    def delete_tree(self, prefix: str = "") -> None:
        with self._reported("delete", prefix) as path, suppress(FileNotFoundError):
            if path.is_symlink() or path.is_file():
                path.unlink()
            else:
                shutil.rmtree(path)

    def make_folder(self, name: str = "") -> None:
        with self._reported("make the folder", name) as path:
            path.mkdir(parents=True, exist_ok=True)

    def child(self, name: str) -> LocalStore:
        return LocalStore(self.folder / checked_name(self.url, name))

    @contextmanager
    def _reported(self, operation: str, name: str) -> Iterator[Path]:
        path = self.folder / checked_name(self.url, name)
        try:
            yield path
        except (OSError, ValueError) as cause:
            raise failure(str(path), operation, cause) from None


def publish(path: Path, write: Writer, *, syncs: bool = True) -> None:
    """Make `path` appear with what `write` puts into it, all at once and safe on the disk. Raises OSError.

    Who makes it safe later does without the latter.
    """
    with _unfinished(path, write, syncs=syncs) as finished:
        os.replace(finished, path)


def publish_new(path: Path, write: Writer) -> bool:
    """Like `publish`, unless `path` is there already; whether it was made. Raises OSError.

    The error of a file system without hard links says that they are missing.
    """
    with _unfinished(path, write) as finished:
        try:
            # A rename would replace what another process has made meanwhile.
            os.link(finished, path)
        except FileExistsError:
            return False
        except OSError as cause:
            if cause.errno in _WITHOUT_LINKS:
                raise OSError(
                    "this file system has no hard links, without which no file is created exclusively"
                ) from cause
            raise
        finally:
            finished.unlink()
    return True


@contextmanager
def _unfinished(path: Path, write: Writer, *, syncs: bool = True) -> Iterator[Path]:
    """A file beside `path` with what `write` puts into it, safe on the disk if it `syncs`, to be given its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    with beside(path) as (unfinished, file):
        try:
            write(file)
            file.flush()
            if syncs:
                os.fsync(file.fileno())
            file.close()
            yield unfinished
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    if syncs:
        _sync_folder(path.parent)


def publish_copy(path: Path, source: Path) -> None:
    """Make `path` appear as a copy of `source`, like `publish`. Raises OSError."""
    with open_regular(source) as original:
        publish(path, lambda file: shutil.copyfileobj(original, file, 1 << 20))


def _sync_folder(folder: Path) -> None:
    # A power cut undoes the rename until the folder is on the disk too; some file systems have no such call.
    with suppress(OSError):
        _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except OSError as cause:
        if cause.errno == errno.ELOOP:
            return False
        raise
    return True


def _size(file: Path) -> int | None:
    """The size of a listed file; None where it is gone meanwhile, or a link that leads to nothing or in a circle."""
    try:
        return file.stat().st_size
    except OSError as cause:
        if cause.errno in _GONE:
            return None
        raise


def _folders_in(path: Path) -> Iterator[str]:
    return (item.name for item in path.iterdir() if item.is_dir())


def _files_under(path: Path) -> Iterator[Path]:
    for folder, inside, names in os.walk(path):
        inside[:] = (name for name in inside if not name.endswith(UNFINISHED))
        yield from (Path(folder, name) for name in names)
