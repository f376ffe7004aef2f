"""Clients that keep a server busy: many connections, each of which sends the next request once it has an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass
class Load:
    """What clients saw: seconds for all, seconds of each request, and how many answers were no 200."""

    seconds: float = 0.0
    each: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def rate(self) -> float:
        return len(self.each) / self.seconds

    def quantile(self, share: float) -> float:
        return sorted(self.each)[min(int(len(self.each) * share), len(self.each) - 1)]


class _Client(asyncio.Protocol):
    """One connection; an answer is its head, which says how many bytes its body has, and the body."""

    def __init__(self, requests: Iterator[bytes], load: Load, done: asyncio.Future[None]) -> None:
        self._requests, self._load, self._done = requests, load, done
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            self._done.set_result(None)
            return
        self._begun = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, found, body = self._held.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._load.each.append(time.perf_counter() - self._begun)
        self._load.failed += b" 200 " not in head[:14]
        self._held = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed the connection"))


def load(port: int, path: str, bodies: Sequence[bytes], media: str, clients: int = 64) -> Load:
    """Send each body once, by so many clients at a time."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {media}\r\nContent-Length: "
    requests = iter([f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies])
    return asyncio.run(_load(port, requests, clients))


async def _load(port: int, requests: Iterator[bytes], clients: int) -> Load:
    told = Load()
    loop = asyncio.get_running_loop()
    done: list[asyncio.Future[None]] = [loop.create_future() for _ in range(clients)]
    begun = time.perf_counter()
    for future in done:
        await loop.create_connection(lambda future=future: _Client(requests, told, future), "127.0.0.1", port)
    await asyncio.gather(*done)
    told.seconds = time.perf_counter() - begun
    return told
