"""What listens at once: probes are answered before what judges documents is there, and all else waits for it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from trainspec.service.options import Life, Options

HEADERS = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
"""What every answer has that does not say otherwise itself."""
_PROBES = {"/healthz": (200, b'{\n  "version": 1,\n  "ok": true\n}\n')}
_NOT_YET = (503, b'{\n  "version": 1,\n  "ok": false\n}\n')
_log = logging.getLogger("trainspec.service")


class Front:
    """The app, which is made beside the loop once that runs; nobody who asks before is turned away."""

    def __init__(self, options: Options, life: Life, loaded: Callable[[], None]) -> None:
        """`loaded` is called by the loop when the app is there, to judge its first document."""
        self._given = (options, life)
        self._loaded = loaded
        self._app: asyncio.Future[ASGIApp] | None = None
        self._end: Callable[[], None] | None = None
        self.has_failed = False

    def begin(self) -> None:
        """Make the app in a thread. Called by the loop that serves it."""
        loop = asyncio.get_running_loop()
        self._awaited()
        threading.Thread(target=self._make, args=(loop,), daemon=True, name="loading").start()

    def _awaited(self) -> asyncio.Future[ASGIApp]:
        if self._app is None:
            self._app = asyncio.get_running_loop().create_future()
        return self._app

    def end(self) -> None:
        """Wait for what is being judged."""
        if self._end is not None:
            self._end()

    def _make(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            from trainspec.service.app import Service, create_app, import_the_rest

            service = Service(*self._given)
            app = create_app(*self._given, service)
            service.work.judges.warm()
            _tell(loop, self._is_there, app, service.work.end)
            import_the_rest()
        except Exception as error:
            from trainspec.service.work.child import place_of

            _log.error("it cannot be loaded: %s", place_of(error))
            _tell(loop, self._cannot_be)

    def _is_there(self, app: ASGIApp, end: Callable[[], None]) -> None:
        self._end = end
        self._awaited().set_result(app)
        self._loaded()

    def _cannot_be(self) -> None:
        # Who waits is told, instead of being waited for until the end.
        self._awaited().set_result(_unavailable)
        self.has_failed = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Of several sockets the first may be asked before all listen.
        awaited = self._awaited()
        if awaited.done():
            await awaited.result()(scope, receive, send)
            return
        if scope["type"] == "http" and scope["path"] in ("/healthz", "/readyz") and scope["method"] in ("GET", "HEAD"):
            await _probe(scope, send)
            return
        # One that goes away takes nobody else's app with it.
        app = await asyncio.shield(awaited)
        await app(scope, receive, send)


async def _unavailable(scope: Scope, receive: Receive, send: Send) -> None:
    """The app that there is where none can be made."""
    if scope["type"] == "http":
        await _send(scope, send, *_NOT_YET)


async def _probe(scope: Scope, send: Send) -> None:
    await _send(scope, send, *_PROBES.get(scope["path"], _NOT_YET))


async def _send(scope: Scope, send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json"), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})


def _tell(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *given: Any) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, *given)
