"""What stands around the guard: every request is counted, timed and traced, those that are refused, too."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from trainspec.service.refusals import FOUND
from trainspec.service.requests import Parameters, parameters_of
from trainspec.service.watching.metrics import MEDIA, OTHER, metrics
from trainspec.service.watching.spans import span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from trainspec.service.refusals import Findings

_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_NOTHING: Findings = MappingProxyType({})


class Nothing(Parameters):
    """No parameters."""


async def shown(request: Request) -> Response:
    """`GET /metrics`."""
    parameters_of(request, Nothing)
    return Response(metrics().render(), headers={"Content-Type": MEDIA})


class Watch:
    """The outermost of the app."""

    def __init__(self, app: ASGIApp, routes: Iterable[Route]) -> None:
        self._app = app
        self._metrics = metrics()
        self._addresses: Mapping[Callable[..., Any], str] = {route.endpoint: route.path for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._metrics.begin()
        begun = time.perf_counter()
        with span(scope) as tell:
            try:
                await self._app(scope, receive, sent)
            finally:
                # What the router found; of an address that there is not, nothing is told.
                address = self._addresses.get(scope.get("endpoint", None), OTHER)
                method = scope["method"] if scope["method"] in _METHODS else OTHER
                found: Findings = scope.get(FOUND, _NOTHING)
                self._metrics.end(address, method, status, time.perf_counter() - begun, found)
                tell(address, method, status, found)
