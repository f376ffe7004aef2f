"""A signal at a call: SIGKILL, or another, where a process is about to change its folder or store for the n-th time.

Every way that Python has to change a folder is counted: files opened for writing, each write to them (of which half is
done), fsync, rename, link, unlink, rmdir, mkdir; and each request that changes something in S3, before it is sent and
after it was answered.
"""

from __future__ import annotations

import builtins
import io
import os
import signal
import sys
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_EVENTS = {
    "os.remove": "unlink",
    "os.rename": "rename",
    "os.rmdir": "rmdir",
    "os.mkdir": "mkdir",
    "os.link": "link",
    "os.symlink": "symlink",
    "os.truncate": "truncate",
}
_CHANGES = ("Put", "Upload", "Create", "Complete", "Delete", "Copy", "Abort")
NEVER = 1 << 60


class Tripwire:
    """Counts the changes of this process under `folder` and in S3, a line each into `log`.

    At the one `at` it sends itself a signal, so many `times`.
    """

    def __init__(self, folder: Path, log: Path, at: int = NEVER, number: int = signal.SIGKILL, times: int = 1) -> None:
        self._root, self._at, self._count, self._owner = os.path.realpath(folder), at, 0, os.getpid()
        self._number, self._times = number, times
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def arm(self) -> None:
        fsync, opened = os.fsync, io.open

        def counted_fsync(descriptor: Any) -> None:
            number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
            if self._watches(os.readlink(f"/proc/self/fd/{number}")):
                self.count("fsync")
            fsync(descriptor)

        def counted_open(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
            # As pathlib calls it: buffering, encoding, errors and newline as they usually are.
            if mode in ("xb", "wb") and more in ((), (-1, None, None, None)) and not named and self._watches(file):
                return io.BufferedWriter(_Raw(self, file, mode[0]))
            return opened(file, mode, *more, **named)

        os.fsync = counted_fsync
        io.open = builtins.open = counted_open  # type: ignore[assignment]
        sys.addaudithook(self._hear)
        self._watch_s3()

    def count(self, what: str, write: bytes = b"", file: io.FileIO | None = None) -> None:
        """One more change is about to be made."""
        if os.getpid() != self._owner:
            return
        self._count += 1
        os.write(self._log, f"{what}\n".encode())
        if self._count == self._at:
            if file is not None and self._number == signal.SIGKILL:
                os.write(file.fileno(), write[: len(write) // 2])
            for _ in range(self._times):
                signal.raise_signal(self._number)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING and self._watches(path):
                self.count("open")
        elif event == "os.mkdir" and os.path.isdir(arguments[0]):
            # It is made again and again, which changes nothing.
            return
        elif event in _EVENTS and self._watches(arguments[0], arguments[-1]):
            self.count(_EVENTS[event])

    def _watches(self, path: Any, folder: Any = -1) -> bool:
        if isinstance(path, int) or path is None:
            return False
        text = os.fsdecode(path)
        if not os.path.isabs(text) and isinstance(folder, int) and folder >= 0:
            text = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), text)
        return os.path.abspath(text).startswith(self._root)

    def _watch_s3(self) -> None:
        try:
            from aiobotocore.client import AioBaseClient
        except ImportError:
            return
        call = AioBaseClient._make_api_call

        async def counted(client: Any, operation: str, parameters: Any) -> Any:
            changes = operation.startswith(_CHANGES)
            if changes:
                self.count(f"before {operation}")
            answer = await call(client, operation, parameters)
            if changes:
                self.count(f"after {operation}")
            return answer

        AioBaseClient._make_api_call = counted


class _Raw(io.FileIO):
    def __init__(self, wire: Tripwire, file: Any, mode: str) -> None:
        super().__init__(file, mode)
        self._wire = wire

    def write(self, data: Any) -> int:
        self._wire.count("write", bytes(data), self)
        return super().write(data)
