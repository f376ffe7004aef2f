"""The service as a process: it begins, tells that it will end, finishes what is open, and ends well."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import uvicorn

from trainspec.service.app import create_app
from trainspec.service.options import Life, Options


class Server(uvicorn.Server):
    """A server that is first no longer ready, then takes no more, and for which being told to end is no failure."""

    def __init__(self, config: uvicorn.Config, life: Life, drain: float, begun: Callable[[str], None]) -> None:
        super().__init__(config)
        self._life = life
        self._drain = drain
        self._begun = begun

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            self._begun(f"http{'s' * self.config.is_ssl}://{place}")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._life.draining or sig == signal.SIGINT:
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


def serve(
    options: Options,
    *,
    begun: Callable[[str], None],
    host: str,
    port: int,
    drain: float,
    grace: int,
    certificate: str | None,
    key: str | None,
) -> bool:
    """Serve until told to end; whether it could begin. `begun` is told the URL once it takes requests."""
    life = Life()
    settings: dict[str, Any] = {"ssl_certfile": certificate, "ssl_keyfile": key} if certificate else {}
    config = uvicorn.Config(
        partial(create_app, options, life),
        factory=True,
        host=host,
        port=port,
        # Addresses in a log may hold what somebody sent.
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
        timeout_graceful_shutdown=grace,
        **settings,
    )
    server = Server(config, life, drain, begun)
    server.run()
    return server.started
