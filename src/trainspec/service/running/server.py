"""One server: it begins, tells that it will end, finishes what is open, and ends well."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from trainspec.answers.faults import NoAnswer, mistake
from trainspec.service.options import Life, Options, Running
from trainspec.service.running.front import Front
from trainspec.service.running.patience import Patience

# Seconds in which a request comes that was on its way to a connection when the server stopped listening.
_ON_ITS_WAY = 1.0
# uvicorn's ticks in a second.
_TICKS = 10


class Server(uvicorn.Server):
    """A server that is first no longer ready, then takes no more, and for which being told to end is no failure."""

    def __init__(
        self, config: uvicorn.Config, front: Front, life: Life, drain: float, begun: Callable[[], None], patience: float
    ) -> None:
        super().__init__(config)
        self.front = front
        self._patience = Patience(patience)
        self._life = life
        self._drain = drain
        self._begun = begun
        self._in_a_hurry = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._begun()
            self.front.begin()

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS == 0:
            self._patience.look(list(self.server_state.connections), asyncio.get_running_loop().time())
        return await super().on_tick(counter) or self.front.has_failed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        # Whoever is answered now is told to connect anew. A connection on which nothing was asked yet may be one that
        # was accepted a moment ago, and closing it would lose its request.
        loop = asyncio.get_running_loop()
        patience = loop.time() + _ON_ITS_WAY
        while self.server_state.connections and not self._in_a_hurry and loop.time() < patience:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)
        self.front.end()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._life.draining or sig == signal.SIGINT:
            self._in_a_hurry = True
            self.force_exit = self.should_exit
            self._end()
            return
        self._life.draining = True
        timer = threading.Timer(self._drain, self._end)
        timer.daemon = True
        timer.start()

    def _end(self) -> None:
        self._life.draining = True
        self.should_exit = True


def check_packages() -> None:
    """Raises ImportError where one is missing that answers will need: what cannot answer should not listen."""
    for name in ("starlette", "prometheus_client"):
        if find_spec(name) is None:
            raise ModuleNotFoundError(name=name)


def check_certificate(running: Running) -> None:
    """Raises NoAnswer where the certificate and its key cannot be read, or do not belong together."""
    if running.certificate is None:
        return
    asked: list[str] = []

    def passphrase() -> str:
        # Without this it would be asked for at the terminal.
        asked.append("")
        return ""

    try:
        for path in filter(None, (running.certificate, running.key)):
            Path(path).open("rb").close()
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(running.certificate, running.key, passphrase)
    except ssl.SSLError as error:
        why = "the certificate of --tls-cert or its key is no file of PEM"
        if asked:
            why = "the key of --tls-key has a passphrase, which nobody gives"
        elif error.reason == "KEY_VALUES_MISMATCH":
            why = "the key of --tls-key is not that of the certificate"
        raise NoAnswer(mistake("SVC120", why, "give the certificate with its chain, and its key, as PEM")) from None
    except OSError as error:
        raise NoAnswer(mistake("SVC120", f"{path} cannot be read: {error.strerror}")) from None


def serve_alone(
    options: Options, running: Running, sockets: Sequence[socket.socket], begun: Callable[[], None]
) -> bool:
    """Serve at these sockets until told to end; whether it could begin. `begun` is called once it takes requests."""
    life = Life()
    tls: dict[str, Any] = {}
    if running.certificate is not None:
        tls = {"ssl_certfile": running.certificate, "ssl_keyfile": running.key}
    front = Front(options, life, _settle)
    config = uvicorn.Config(
        front,
        lifespan="off",
        # There are none here, and what speaks them takes long to import.
        ws="none",
        # Addresses in a log may hold what somebody sent.
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
        timeout_graceful_shutdown=running.grace,
        **tls,
    )
    server = Server(config, front, life, running.drain, begun, options.limits.seconds)
    server.run([*sockets])
    return server.started and not front.has_failed


def _settle() -> None:
    """What every request needs is there for good: looking for garbage in it would hold requests up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
