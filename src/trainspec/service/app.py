"""The app: which address gives which answer."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trainspec.answers.faults import mistake
from trainspec.service import judging
from trainspec.service.guard import Guard
from trainspec.service.options import Life, Options
from trainspec.service.refusals import Refused, answer, refusal
from trainspec.service.requests import language_of_errors, told
from trainspec.service.watching import watch
from trainspec.service.watching.watch import Watch
from trainspec.service.work import Work

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from trainspec.settings.diagnostics import Diagnostic


class Service:
    """What requests share."""

    def __init__(self, options: Options, life: Life) -> None:
        self.options = options
        self.life = life
        self.work = Work(options.limits, options.models)
        self.kept: dict[str, str] = {}


class _Later:
    """A module of endpoints that is imported when it is first asked, or once the service has begun."""

    def __init__(self, name: str) -> None:
        self._place = f"trainspec.service.{name}"

    def module(self) -> ModuleType:
        return import_module(self._place)

    def __getattr__(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            found: Response = await getattr(self.module(), name)(request)
            return found

        return endpoint


admission, assets, documents, reference, openapi = map(
    _Later, ("admission", "assets", "documents", "reference", "reference.openapi")
)

# What is asked while somebody types, and in every build.
_OFTEN: Mapping[str, Callable[[Request], Awaitable[Response]]] = {
    "/validate": judging.validate,
    "/fixes": judging.fixed,
    "/complete": judging.completed,
}
ROUTES = [
    *(Route(path, endpoint, methods=["POST"]) for path, endpoint in _OFTEN.items()),
    Route("/", assets.page),
    Route("/assets/{name}", assets.asset),
    Route("/schema/v1/training-arguments.json", reference.file_schema),
    Route("/schema/env", reference.env_schema),
    Route("/fields", reference.fields),
    Route("/fields/{name}", reference.field),
    Route("/rules", reference.rules),
    Route("/rules/{code}", reference.rule),
    Route("/admission", admission.admission, methods=["POST"]),
    Route("/plan", documents.plan_of, methods=["POST"]),
    Route("/show", documents.shown, methods=["POST"]),
    Route("/shareable", documents.shared, methods=["POST"]),
    Route("/migrate", documents.migrated, methods=["POST"]),
    Route("/diff", documents.difference, methods=["POST"]),
    Route("/convert", documents.converted, methods=["POST"]),
]


class _Short:
    """The short way to what is asked often; Starlette's own, which all else goes, takes a tenth of its time."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = _OFTEN.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        scope["app"], scope["endpoint"] = self._app, endpoint
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)


def create_app(options: Options, life: Life | None = None, service: Service | None = None) -> ASGIApp:
    """The service as an ASGI app; `life` is told when it drains."""
    service = service or Service(options, life or Life())
    routes = [*ROUTES, Route("/healthz", _healthz), Route("/readyz", _readyz), Route("/metrics", watch.shown)]
    routes.append(Route("/openapi.json", openapi.description))
    handlers: dict[Any, Any] = {Exception: _fault, 404: _no_address, 405: _no_method, Refused: _refused}
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=_lifespan)
    app.router.redirect_slashes = False
    app.state.service = service
    guarded: ASGIApp = Guard(_Short(app), options.tokens, service.life)
    if options.origins:
        from starlette.middleware.cors import CORSMiddleware

        # Around the guard, so that a page can read why it was refused.
        guarded = CORSMiddleware(
            guarded, options.origins, ("GET", "POST"), ("Authorization", "Content-Type", "If-None-Match")
        )
    return Watch(guarded, routes)


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    # Beside the first requests: who starts it waits for what judges documents, and not for the rest.
    threading.Thread(target=import_the_rest, daemon=True).start()
    yield
    app.state.service.work.end()


def import_the_rest() -> None:
    """What judges no documents, and is asked for less often."""
    for one in (documents, admission, reference):
        one.module()


async def _healthz(request: Request) -> Response:
    return answer({"ok": True})


async def _readyz(request: Request) -> Response:
    ready = not request.app.state.service.life.draining
    return answer({"ok": ready}, 200 if ready else 503)


async def _no_address(request: Request, error: Exception) -> Response:
    return _told(request, 404, mistake("SVC106", "there is no such address"))


async def _no_method(request: Request, error: Any) -> Response:
    return _told(request, 405, mistake("SVC106", "this address has no such method"), headers=error.headers)


async def _fault(request: Request, error: Exception) -> Response:
    """The guard notes it, and where it was."""
    return refusal(500, [])


async def _refused(request: Request, error: Refused) -> Response:
    return _told(request, error.status, *error.diagnostics, headers=error.headers)


def _told(
    request: Request, status: int, *diagnostics: Diagnostic, headers: Mapping[str, str] | None = None
) -> Response:
    return refusal(status, told(diagnostics, language_of_errors(request.scope)), headers)
