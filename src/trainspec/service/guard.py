"""What stands around every address: tokens, headers, and that no fault of ours tells what somebody sent."""

from __future__ import annotations

import hmac
import logging
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from trainspec.answers.faults import mistake
from trainspec.service.refusals import Refused, refusal
from trainspec.service.requests import language_of_errors, told
from trainspec.service.running.front import HEADERS
from trainspec.service.work.child import place_of
from trainspec.service.work.processes import Broken

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from trainspec.service.options import Life

# The page holds nothing of anybody; it asks for the token itself.
OPEN = frozenset({"/", "/healthz", "/readyz"})
_ASSETS = "/assets/"
_NAMES = frozenset(name for name, _ in HEADERS)
_log = logging.getLogger("trainspec.service")


class Guard:
    """The outermost of the app."""

    def __init__(self, app: ASGIApp, tokens: tuple[str, ...], life: Life) -> None:
        self._app = app
        self._tokens = [token.encode() for token in tokens]
        self._life = life

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, life = False, self._life

        async def sent(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = _with_ours(message["headers"])
                if life.draining:
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        # A browser asks by OPTIONS whether it may send a token, and sends none with that.
        path = scope["path"]
        is_open = path in OPEN or path.startswith(_ASSETS) or scope["method"] == "OPTIONS"
        if self._tokens and not is_open and not self._has_token(scope):
            why = mistake("SVC105", "this needs the service's token", "send Authorization: Bearer TOKEN")
            found = told([why], language_of_errors(scope))
            await refusal(401, found, {"WWW-Authenticate": "Bearer"})(scope, receive, sent)
            return
        try:
            await self._app(scope, receive, sent)
        except Refused as why:
            found = told(why.diagnostics, language_of_errors(scope))
            await refusal(why.status, found, why.headers)(scope, receive, sent)
        except ClientDisconnect:
            # Nobody is there to be told.
            return
        except Exception as error:
            # Its message may hold what was sent.
            _log.error("%s", error.where if isinstance(error, Broken) else place_of(error))
            if not begun:
                await refusal(500, [])(scope, receive, sent)

    def _has_token(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        kind, _, token = given.partition(b" ")
        # All of them are compared, so that time tells nothing.
        same = [hmac.compare_digest(token.strip(), one) for one in self._tokens]
        return kind.lower() == b"bearer" and any(same)


def _with_ours(given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer and those of ours that it does not give itself."""
    names = [name for name, _ in given]
    if _NAMES.isdisjoint(names):
        return given + HEADERS
    return given + [one for one in HEADERS if one[0] not in names]
