"""A file that goes to S3 in parts, of which several are under way at a time: one connection alone is slow."""

from __future__ import annotations

import asyncio
import errno
import re
import time
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from concurrent.futures import Future

_PART = 8 << 20
# What the parts under way, and the next one, hold together.
_IN_MEMORY = 64 << 20
# S3 takes 10,000 parts of a file: later ones are larger, so that it can have 300 GB.
_DOUBLED_AFTER = 2500
# S3 may take a part that was under way when its upload was ended, and then keeps both until it is told again; so may a
# server that stumbles over it.
_ENDED_WITHIN = 4
_BETWEEN = 0.25
# As which s3fs raises the answers of such a server.
_STUMBLED = {errno.EBUSY, errno.EIO, errno.EREMOTEIO}
# In S3's answer to a part, and in what it is told of all parts at the end.
_CHECKSUM = re.compile(r"Checksum(CRC|SHA)\w+")
# What of a part the client is given at a time.
_PIECE = 1 << 20


class _Content:
    """Of a part, as a client asks for it: a file to hash, and then to be sent piece by piece, none of which is copied.

    Bytes as they are would be copied for every piece that the connection has taken, and a file of Python's would be
    read in small pieces, each in a thread.
    """

    def __init__(self, content: memoryview) -> None:
        self._content, self._place = content, 0

    def __len__(self) -> int:
        return len(self._content)

    def read(self, size: int | None = -1) -> bytes | memoryview:
        end = len(self) if size is None or size < 0 else self._place + size
        found = self._content[self._place : end]
        self._place += len(found)
        # Readers look for the end by comparing with it.
        return found or b""

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place = offset + (0, self._place, len(self))[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    async def __aiter__(self) -> AsyncIterator[memoryview]:
        for start in range(0, len(self), _PIECE):
            yield self._content[start : start + _PIECE]


def _at_once(request: Any, **_: Any) -> None:
    """A part is sent without asking whether it may be: aiohttp takes what a server says to that for the beginning of
    its answer, and waits for the rest as long as it may be silent, however long the part takes.
    """
    del request.headers["Expect"]


class Parts:
    """To be written to, closed, or let go of: the object appears when it is closed, whole.

    Every method raises what the client does: OSError for nearly all.
    """

    closed = False

    def __init__(self, filesystem: Any, path: str) -> None:
        self._filesystem, self._path = filesystem, path
        self._bucket, self._key, _ = filesystem.split_path(path)
        self._upload: str | None = None
        self._filling, self._filled = bytearray(), 0
        self._under_way: list[tuple[Future[Any], bytearray]] = []
        # Of parts that are there: memory that is new to a process costs more than what is copied into it.
        self._spare: list[bytearray] = []
        self._sent: list[dict[str, Any]] = []

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        rest = view
        while rest:
            if not self._filling:
                self._filling = self._empty()
            end = min(len(self._filling), self._filled + len(rest))
            taken = end - self._filled
            self._filling[self._filled : end] = rest[:taken]
            self._filled, rest = end, rest[taken:]
            if end == len(self._filling):
                self._send()
        return len(view)

    def close(self) -> None:
        if self.closed:
            return
        if self._upload is None:
            self._filesystem.pipe_file(self._path, bytes(self._filling[: self._filled]))
        else:
            if self._filled:
                self._send()
            self._wait_for(0)
            self._filesystem.call_s3(
                "complete_multipart_upload", **self._named(), MultipartUpload={"Parts": self._sent}
            )
            self._filesystem.invalidate_cache(self._path)
        self.closed = True

    def discard(self) -> None:
        """Nothing appears, and nothing of it is kept, so far as the store still answers."""
        self.closed = True
        for part, _ in self._under_way:
            part.cancel()
        self._under_way.clear()
        self._spare.clear()
        self._filling, self._filled = bytearray(), 0
        if self._upload is not None:
            with suppress(Exception):
                self._end()

    def _end(self) -> None:
        """The upload, and be told that it is gone. Raises what the client does where the store does not answer."""
        for ended in range(_ENDED_WITHIN):
            if ended:
                time.sleep(_BETWEEN)
            try:
                self._filesystem.call_s3("abort_multipart_upload", **self._named())
                self._filesystem.call_s3("list_parts", **self._named())
            except FileNotFoundError:
                return
            except OSError as error:
                if error.errno not in _STUMBLED:
                    raise

    @property
    def _number(self) -> int:
        return len(self._sent) + len(self._under_way) + 1

    @property
    def _size(self) -> int:
        """Of the part that is being filled. Some servers want all of one size."""
        if getattr(self._filesystem, "fixed_upload_size", False):
            return _PART
        return _PART << (self._number - 1) // _DOUBLED_AFTER

    def _named(self) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": self._key, "UploadId": self._upload}

    def _empty(self) -> bytearray:
        """For the next part, of its size."""
        size = self._size
        self._wait_for(max(1, _IN_MEMORY // size - 1))
        while self._spare:
            spare = self._spare.pop()
            if len(spare) == size:
                return spare
        return bytearray(size)

    def _send(self) -> None:
        if self._upload is None:
            self._upload = import_module("fsspec.asyn").sync(self._filesystem.loop, self._begin)
        request = self._upload_part(self._number, _Content(memoryview(self._filling)[: self._filled]))
        self._under_way.append((asyncio.run_coroutine_threadsafe(request, self._filesystem.loop), self._filling))
        self._filling, self._filled = bytearray(), 0

    async def _client(self) -> Any:
        await self._filesystem.set_session()
        return await self._filesystem.get_s3(self._bucket)

    async def _begin(self) -> str:
        """Where the client sends checksums of parts, S3 holds the whole against them, too, if it is told of which kind.

        Else it computes one of its own, of what it has got.
        """
        said: dict[str, str] = {}
        calculates = getattr((await self._client()).meta.config, "request_checksum_calculation", None)
        if calculates == "when_supported" and "ChecksumAlgorithm" not in self._filesystem.s3_additional_kwargs:
            said["ChecksumAlgorithm"] = import_module("botocore.httpchecksum").DEFAULT_CHECKSUM_ALGORITHM
        made = await self._filesystem._call_s3("create_multipart_upload", Bucket=self._bucket, Key=self._key, **said)
        return str(made["UploadId"])

    async def _upload_part(self, number: int, content: _Content) -> Any:
        client = await self._client()
        # Once for each client, of which a file system makes others.
        client.meta.events.register("request-created.s3.UploadPart", _at_once, unique_id="trainspec")
        return await self._filesystem._call_s3("upload_part", **self._named(), PartNumber=number, Body=content)

    def _wait_for(self, most: int) -> None:
        """Until no more than so many are under way."""
        while len(self._under_way) > most:
            part, content = self._under_way[0]
            answer = part.result()
            said = {name: value for name, value in answer.items() if name == "ETag" or _CHECKSUM.fullmatch(name)}
            self._sent.append({"PartNumber": len(self._sent) + 1, **said})
            self._spare.append(content)
            del self._under_way[0]
